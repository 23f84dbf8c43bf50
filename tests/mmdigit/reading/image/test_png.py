"""PNG files: damage beside the pixels is ignored, damage of the pixels is refused."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.png import read_plain_png
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit
from tests.mmdigit.reading.image.sevens import assert_digit_or_invalid, is_like


def chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    whole = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", whole)


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"gAMA", b"tIME", b"pHYs", b"prVt"])
@pytest.mark.parametrize("crc", [0, None])
def test_png_with_a_damaged_ancillary_chunk_is_read(name: bytes, crc: int | None) -> None:
    data = as_bytes(drawn_digit())
    for at in (33, len(data) - 12):
        assert is_like(data[:at] + chunk(name, b"\xff" * 9, crc) + data[at:], 1e-6)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"IDAT"])
def test_png_with_a_damaged_critical_chunk_is_refused(name: bytes) -> None:
    data = bytearray(as_bytes(drawn_digit().convert("P")))
    data[data.index(name) + 6] ^= 255
    with pytest.raises(InvalidImage):
        decode_image(bytes(data))


def test_png_with_altered_pixels_is_refused() -> None:
    data = bytearray(as_bytes(drawn_digit()))
    pixels = zlib.decompress(bytes(data[data.index(b"IDAT") + 4 : -16]))
    other = zlib.compress(pixels.replace(b"\xff", b"\xfe", 1))
    old_crc = int.from_bytes(data[-16:-12], "big")
    with pytest.raises(InvalidImage, match="damaged pixels"):
        decode_image(bytes(data[:33]) + chunk(b"IDAT", other, old_crc) + bytes(data[-12:]))


def test_png_without_its_palette_is_refused() -> None:
    data = as_bytes(drawn_digit().convert("P"))
    at = data.index(b"PLTE") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    with pytest.raises(InvalidImage, match="palette"):
        decode_image(data[:at] + data[end:])


def plain_png(rows: bytes, corrupt: Callable[[bytes], bytes] = bytes) -> bytes:
    """A PNG of 28x28 grey pixels with correct checksums, whatever its rows and its corrupted pixel data are."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0), b"IDAT" + corrupt(zlib.compress(rows)), b"IEND")
    packed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


ROWS = b"".join(bytes([row % 5, *range(28)]) for row in range(28))


def test_png_with_missing_rows_is_refused() -> None:
    with pytest.raises(InvalidImage, match="damaged"):
        decode_image(plain_png(ROWS[:400]))


def test_decode_image_does_not_take_a_784_byte_png_for_raw() -> None:
    from PIL.PngImagePlugin import PngInfo

    plain = as_bytes(drawn_digit())
    text = PngInfo()
    text.add_text("c", "x" * (784 - len(plain) - 14))
    padded = as_bytes(drawn_digit(), pnginfo=text)
    assert len(padded) == 784
    np.testing.assert_array_equal(decode_image(padded), decode_image(plain))


def test_decode_image_refuses_an_animation() -> None:
    frames = [drawn_digit(ink=ink) for ink in (0, 50, 100)]
    data = as_bytes(frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidImage, match="several in one file"):
        decode_image(data)


def test_decode_image_ignores_or_refuses_huge_chunks() -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("comment", "x" * 3_000_000, zip=True)
    for data in (as_bytes(drawn_digit(), pnginfo=text), as_bytes(drawn_digit(), icc_profile=bytes(3_000_000))):
        try:
            decode_image(data)
        except InvalidImage as error:
            assert "damaged" in str(error)  # noqa: PT017 - either is right, as Pillow decides


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(8, 256), st.integers(8, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_read_plain_png_reads_as_pillow_does(width: int, height: int, seed: int, density: float) -> None:
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
def test_read_plain_png_leaves_damaged_files_to_pillow(damaged: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert read_plain_png(plain_png(ROWS)) is not None
    assert read_plain_png(damaged) is None
    assert_digit_or_invalid(damaged)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(), (0,), (1, 2), (0, 0, 0, 3), (0, 0, 0, 0, 0, 4), (3, 4)]))
def test_read_plain_png_undoes_every_filter(seed: int, kinds: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    filters = random.choice(kinds or range(5), 28)
    rows = b"".join(bytes([kind, *random.integers(0, 256, 28, np.uint8).tolist()]) for kind in filters)
    data = plain_png(rows)
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(opened) / np.float32(255)
    read = read_plain_png(data)
    assert read is not None
    np.testing.assert_array_equal(read, expected)
