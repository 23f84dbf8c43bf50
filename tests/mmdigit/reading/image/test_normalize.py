"""The image decoder: what it makes of pictures, and what it refuses."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.opened import MAX_PIXELS
from mmdigit.reading.image.png import read_plain_png
from schemas.errors import InvalidImage
from schemas.job import MAX_IMAGE_BYTES
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, png_header


def test_a_picture_that_looks_like_mnist_is_unchanged() -> None:
    picture = mnist_like()
    expected = picture.astype(np.float32) / 255
    np.testing.assert_allclose(decode_image(picture.tobytes()), expected, atol=1e-6)
    np.testing.assert_allclose(decode_image(as_bytes(Image.fromarray(picture))), expected, atol=1e-6)


@pytest.mark.parametrize("side", [28, 64, 200, 1500])
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (60, 200), (180, 30)])
def test_any_size_and_polarity_gives_one_digit_in_the_middle(side: int, ink: int, paper: int) -> None:
    digit = decode_image(as_bytes(drawn_digit(side, max(2, side // 10), ink, paper)))
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
    assert digit.min() == 0
    assert 0.9 < digit.max() <= 1
    rows, columns = np.flatnonzero((digit > 0.3).any(axis=1)), np.flatnonzero((digit > 0.3).any(axis=0))
    assert 17 <= rows[-1] - rows[0] + 1 <= 20
    assert columns[-1] - columns[0] + 1 <= 20
    places = np.arange(28)
    assert abs(places @ digit.sum(axis=1) / digit.sum() - 14) < 1.1
    assert abs(places @ digit.sum(axis=0) / digit.sum() - 14) < 1.1


def test_the_same_digit_at_any_polarity_is_the_same_picture() -> None:
    dark = decode_image(as_bytes(drawn_digit(ink=0, paper=255)))
    np.testing.assert_allclose(dark, decode_image(as_bytes(drawn_digit(ink=255, paper=0))), atol=0.02)


def test_a_hairline_keeps_its_ink() -> None:
    assert (decode_image(as_bytes(drawn_digit(400, 3))) > 0.5).sum() > 40


def test_uneven_light_does_not_count_as_ink() -> None:
    shade = np.linspace(0, 90, 200)[None, :]
    lit = np.clip(np.asarray(drawn_digit(200, 20, 20, 250), np.float64) - shade, 0, 255).astype(np.uint8)
    even = decode_image(as_bytes(drawn_digit(200, 20, 20, 250)))
    assert np.abs(decode_image(as_bytes(Image.fromarray(lit))) - even).mean() < 0.03


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_usual_png_mode_is_read(mode: str) -> None:
    grey = drawn_digit()
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    image = deep if mode == "I;16" else grey.convert(mode)
    np.testing.assert_allclose(decode_image(as_bytes(image)), decode_image(as_bytes(grey)), atol=0.1)


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_paper_is_given_the_colour_that_the_ink_is_not(ink: int) -> None:
    alpha = Image.fromarray(255 - np.asarray(drawn_digit()))
    image = Image.merge("LA", [Image.new("L", alpha.size, ink), alpha])
    np.testing.assert_allclose(decode_image(as_bytes(image)), decode_image(as_bytes(drawn_digit())), atol=0.1)


def test_jpeg_and_its_orientation_are_read() -> None:
    upright = drawn_digit(300, 30)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    turned = as_bytes(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    np.testing.assert_allclose(decode_image(turned), decode_image(as_bytes(upright)), atol=0.2)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_stays_blank(level: int) -> None:
    assert not decode_image(as_bytes(Image.new("L", (50, 50), level))).any()
    assert not decode_image(bytes([level]) * 784).any()


def plain_png(rows: bytes, spoil: Callable[[bytes], bytes] = bytes) -> bytes:
    """A PNG of 28x28 grey pixels with right checksums, whatever its rows are and its packed pixels are made."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0), b"IDAT" + spoil(zlib.compress(rows)), b"IEND")
    packed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


ROWS = b"".join(bytes([row % 5, *range(28)]) for row in range(28))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a PNG, JPEG, TIFF or WebP file or 784 raw bytes, got an empty file"),
        (b"\x00" * 783, "got 783 bytes of an unknown format"),
        (png_header(9_000, 9_000), "9000x9000 declared"),
        (png_header(100_000, 100_000), "expected at most"),
        (png_header(200, 200), "damaged"),
        (bytes(MAX_IMAGE_BYTES + 1), "bytes of image"),
        (as_bytes(drawn_digit())[:-200], "without its end"),
        (as_bytes(drawn_digit(), "JPEG")[:-200], "without its end"),
        (as_bytes(drawn_digit())[:-200] + as_bytes(drawn_digit())[-12:], "without its end"),
        (plain_png(ROWS[:400]), "damaged"),
        (as_bytes(Image.new("L", (7, 100))), "at least 8x8"),
        (as_bytes(drawn_digit())[:-12], "without its end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_picture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidImage, match=message):
        decode_image(data)


def test_a_png_of_784_bytes_is_not_raw() -> None:
    from PIL.PngImagePlugin import PngInfo

    plain = as_bytes(drawn_digit())
    text = PngInfo()
    text.add_text("c", "x" * (784 - len(plain) - 14))
    padded = as_bytes(drawn_digit(), pnginfo=text)
    assert len(padded) == 784
    np.testing.assert_array_equal(decode_image(padded), decode_image(plain))


def test_the_largest_picture_is_read() -> None:
    large, small = drawn_digit(3500, 300), decode_image(as_bytes(drawn_digit(250, 22)))
    for kind in ("PNG", "JPEG"):
        assert np.abs(decode_image(as_bytes(large, kind)) - small).mean() < 0.03


def test_an_animation_is_refused() -> None:
    frames = [drawn_digit(ink=ink) for ink in (0, 50, 100)]
    data = as_bytes(frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidImage, match="several in one file"):
        decode_image(data)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = as_bytes(drawn_digit(), "JPEG")
    with pytest.raises(InvalidImage, match="scans"):
        decode_image(data[:-2] + b"\xff\xda\x00\x02" * 200 + data[-2:])


def test_huge_text_and_profile_chunks_are_refused_or_ignored() -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("comment", "x" * 3_000_000, zip=True)
    for data in (as_bytes(drawn_digit(), pnginfo=text), as_bytes(drawn_digit(), icc_profile=bytes(3_000_000))):
        try:
            decode_image(data)
        except InvalidImage as error:
            assert "damaged" in str(error)  # noqa: PT017 - either is right, as Pillow decides


def test_a_bomb_costs_no_memory() -> None:
    with pytest.raises(InvalidImage):
        decode_image(png_header(9_000, 9_000))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidImage):
            decode_image(png_header(9_000, 9_000))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert MAX_PIXELS < 9_000 * 9_000


VALID = [
    as_bytes(drawn_digit(40, 5)),
    as_bytes(drawn_digit(40, 5), "JPEG"),
    as_bytes(drawn_digit(40, 5).convert("P")),
    as_bytes(drawn_digit(40, 5).convert("RGBA")),
    as_bytes(drawn_digit(40, 5), "JPEG", progressive=True),
]


def only_invalid_image(data: bytes) -> None:
    try:
        digit = decode_image(data)
    except InvalidImage as error:
        assert "\n" not in str(error)  # noqa: PT017 - raising is not required
        return
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
    assert np.isfinite(digit).all()
    assert digit.min() >= 0
    assert digit.max() <= 1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=300), st.binary(min_size=784, max_size=784)))
@example(b"\x89PNG\r\n\x1a\n")
@example(b"\xff\xd8\xff")
def test_random_bytes_are_a_digit_or_invalid(data: bytes) -> None:
    only_invalid_image(data)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.data())
def test_damaged_pictures_are_a_digit_or_invalid(
    data: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    cut = more.draw(st.integers(0, len(damaged)))
    only_invalid_image(bytes(damaged))
    only_invalid_image(bytes(damaged[:cut]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(8, 256), st.integers(8, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_plain_png_is_read_as_pillow_reads_it(width: int, height: int, seed: int, density: float) -> None:
    random = np.random.default_rng(seed)
    pixels = ((random.random((height, width)) < density) * random.integers(0, 256, (height, width))).astype(np.uint8)
    read = read_plain_png(as_bytes(Image.fromarray(pixels)))
    assert read is not None
    np.testing.assert_array_equal(read, pixels / np.float32(255))


@pytest.mark.parametrize(
    "damaged",
    [
        plain_png(ROWS[:400]),
        plain_png(ROWS + b"more"),
        plain_png(b""),
        plain_png(bytes([9]) + ROWS[1:]),
        plain_png(ROWS, lambda packed: packed[:-6]),
        plain_png(ROWS, lambda packed: packed[:-1] + bytes([packed[-1] ^ 1])),
        plain_png(ROWS, lambda packed: packed[:20] + bytes([packed[20] ^ 255]) + packed[21:]),
        plain_png(ROWS, lambda packed: packed + b"more"),
        plain_png(ROWS)[:-1],
        plain_png(ROWS)[:30] + b"?" + plain_png(ROWS)[31:],
        plain_png(ROWS)[:-14] + b"?" + plain_png(ROWS)[-13:],
    ],
)
def test_a_damaged_plain_png_is_left_to_pillow_without_a_word(
    damaged: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert read_plain_png(plain_png(ROWS)) is not None
    assert read_plain_png(damaged) is None
    only_invalid_image(damaged)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_pixels_give_a_picture_in_range(width: int, height: int, seed: int, density: float) -> None:
    random = np.random.default_rng(seed)
    pixels = (random.random((height, width)) < density) * random.integers(0, 256, (height, width))
    digit = decode_image(as_bytes(Image.fromarray(pixels.astype(np.uint8))))
    assert digit.shape == (28, 28)
    assert 0 <= digit.min() <= digit.max() <= 1
