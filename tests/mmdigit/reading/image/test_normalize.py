"""Images of every size, mode and polarity become one centred digit; invalid images are refused."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.limits import MAX_PIXELS
from mmdigit.reading.image.normalize import decode_image, lay_out, mnist_digits
from schemas.errors import InvalidImage
from schemas.job import MAX_IMAGE_BYTES
from tests.mmdigit.clips import as_bytes, drawn_digit, mnist_like, png_header
from tests.mmdigit.reading.image.sevens import assert_digit_or_invalid


def test_decode_image_returns_mnist_images_unchanged() -> None:
    pixels = mnist_like()
    expected = pixels.astype(np.float32) / 255
    np.testing.assert_allclose(decode_image(pixels.tobytes()), expected, atol=1e-6)
    np.testing.assert_allclose(decode_image(as_bytes(Image.fromarray(pixels))), expected, atol=1e-6)


@pytest.mark.parametrize("side", [28, 64, 200, 1500])
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (60, 200), (180, 30)])
def test_decode_image_centres_any_size_and_polarity(side: int, ink: int, paper: int) -> None:
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


def test_decode_image_is_the_same_for_either_polarity() -> None:
    dark = decode_image(as_bytes(drawn_digit(ink=0, paper=255)))
    np.testing.assert_allclose(dark, decode_image(as_bytes(drawn_digit(ink=255, paper=0))), atol=0.02)


def test_decode_image_keeps_hairlines() -> None:
    assert (decode_image(as_bytes(drawn_digit(400, 3))) > 0.5).sum() > 40


def test_decode_image_ignores_uneven_light() -> None:
    shade = np.linspace(0, 90, 200)[None, :]
    lit = np.clip(np.asarray(drawn_digit(200, 20, 20, 250), np.float64) - shade, 0, 255).astype(np.uint8)
    even = decode_image(as_bytes(drawn_digit(200, 20, 20, 250)))
    assert np.abs(decode_image(as_bytes(Image.fromarray(lit))) - even).mean() < 0.03


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_decode_image_reads_every_usual_png_mode(mode: str) -> None:
    grey = drawn_digit()
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    image = deep if mode == "I;16" else grey.convert(mode)
    np.testing.assert_allclose(decode_image(as_bytes(image)), decode_image(as_bytes(grey)), atol=0.1)


@pytest.mark.parametrize("ink", [0, 255])
def test_decode_image_fills_transparent_paper_against_the_ink(ink: int) -> None:
    alpha = Image.fromarray(255 - np.asarray(drawn_digit()))
    image = Image.merge("LA", [Image.new("L", alpha.size, ink), alpha])
    np.testing.assert_allclose(decode_image(as_bytes(image)), decode_image(as_bytes(drawn_digit())), atol=0.1)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_decode_image_of_a_blank_image_is_blank(level: int) -> None:
    assert not decode_image(as_bytes(Image.new("L", (50, 50), level))).any()
    assert not decode_image(bytes([level]) * 784).any()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a PNG, JPEG, TIFF or WebP file or 784 raw bytes, got an empty file"),
        (b"\x00" * 783, "got 783 bytes of an unknown format"),
        (png_header(9_000, 9_000), "got 9000x9000"),
        (png_header(100_000, 100_000), "expected at most"),
        (png_header(200, 200), "damaged"),
        (bytes(MAX_IMAGE_BYTES + 1), "bytes of image"),
        (as_bytes(drawn_digit())[:-200], "without its end"),
        (as_bytes(drawn_digit(), "JPEG")[:-200], "without its end"),
        (as_bytes(drawn_digit())[:-200] + as_bytes(drawn_digit())[-12:], "without its end"),
        (as_bytes(Image.new("L", (7, 100))), "at least 8x8"),
        (as_bytes(drawn_digit())[:-12], "without its end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_decode_image_refuses_invalid_images(data: bytes, message: str) -> None:
    with pytest.raises(InvalidImage, match=message):
        decode_image(data)


def test_decode_image_reads_the_largest_image() -> None:
    large, small = drawn_digit(3500, 300), decode_image(as_bytes(drawn_digit(250, 22)))
    for kind in ("PNG", "JPEG"):
        assert np.abs(decode_image(as_bytes(large, kind)) - small).mean() < 0.03


def test_decode_image_of_a_bomb_takes_no_memory() -> None:
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


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=300), st.binary(min_size=784, max_size=784)))
@example(b"\x89PNG\r\n\x1a\n")
@example(b"\xff\xd8\xff")
def test_decode_image_raises_only_invalid_image_on_random_bytes(data: bytes) -> None:
    assert_digit_or_invalid(data)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.data())
def test_decode_image_raises_only_invalid_image_on_damage(
    data: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    cut = more.draw(st.integers(0, len(damaged)))
    assert_digit_or_invalid(bytes(damaged))
    assert_digit_or_invalid(bytes(damaged[:cut]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_decode_image_of_any_pixels_stays_in_range(width: int, height: int, seed: int, density: float) -> None:
    random = np.random.default_rng(seed)
    pixels = (random.random((height, width)) < density) * random.integers(0, 256, (height, width))
    digit = decode_image(as_bytes(Image.fromarray(pixels.astype(np.uint8))))
    assert digit.shape == (28, 28)
    assert 0 <= digit.min() <= digit.max() <= 1


@pytest.mark.parametrize("shape", [(20, 2), (2, 20), (60, 1), (1, 60), (3, 2)])
def test_narrow_digits_are_laid_out(shape: tuple[int, int]) -> None:
    laid_out = lay_out(np.ones(shape, np.float32))
    rows, columns = np.mgrid[:28, :28]
    assert laid_out.max() > 0.9
    for axis in (rows, columns):
        assert float((laid_out * axis).sum() / laid_out.sum()) == pytest.approx(14, abs=0.6)


def shifted_rings(seed: int, count: int) -> NDArray[np.float32]:
    """Rings like MNIST's, most of them shifted, faded, or over each other, (count, 28, 28)."""
    random = np.random.default_rng(seed)
    images = []
    for number in range(count):
        ring = np.roll(mnist_like(number), random.integers(-3, 4, 2), (0, 1)) * random.choice([1, 1, 0.6, 0.3])
        other = np.roll(mnist_like(number), random.integers(-14, 15, 2), (0, 1)) * random.choice([0, 0, 0.5])
        images.append(np.maximum(ring, other) / 255)
    return np.asarray(images, np.float32)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_mnist_digits_do_not_depend_on_their_batch(seed: int, count: int) -> None:
    images = shifted_rings(seed, count)
    for image, digit in zip(images, mnist_digits(images), strict=True):
        (alone,) = mnist_digits(image[None])
        assert (digit is None) is (alone is None)
        if digit is not None and alone is not None:
            assert digit.reasons == alone.reasons
            np.testing.assert_array_equal(digit.image, image)


def test_mnist_digits_finds_digits_and_others() -> None:
    found = mnist_digits(shifted_rings(1, 200))
    assert 20 < sum(digit is None for digit in found) < 195
    two_bars = np.zeros((1, 28, 28), np.float32)
    two_bars[0, 5:23, [9, 10, 11, 16, 17, 18]] = 1
    first, two, last = mnist_digits(np.concatenate([two_bars * 0, two_bars, two_bars / 4]))
    assert (first, last) == (None, None)
    assert two is not None
    assert two.reasons == ("several_digits",)
