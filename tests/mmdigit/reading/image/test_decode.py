"""Files of every format, depth and mode: the same digit in each, and refusals that name what is there."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit, png_header

CASES = Path(__file__).parents[3] / "cases"
PICTURES = [
    *sorted((CASES / "same-luma").glob("*.png")),
    *sorted((CASES / "low-16bit").glob("*.png")),
    *sorted((CASES / "mpo").glob("*.jpg")),
    *(CASES / "other-formats" / name for name in ("bad_crc_in_text_chunk.png", "no_end_marker.jpg", "scan_g4.tif")),
]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_decode_image_reads_fours_that_users_sent(path: Path) -> None:
    (answer,) = Predictor.load().predict([ModelInput(decode_image(path.read_bytes()), None)])
    assert answer.label == 4


def alike(data: bytes, atol: float = 0.03, digit: Image.Image | None = None) -> bool:
    plain = decode_image(as_bytes(digit or drawn_digit()))
    return float(np.abs(decode_image(data) - plain).mean()) < atol


def colours(ink: tuple[int, int, int], paper: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The drawn digit, (height, width, 3)."""
    share = np.asarray(drawn_digit(), np.float64)[..., None] / 255
    return np.asarray(np.round(share * paper + (1 - share) * ink), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_without_its_end_marker_is_read(mode: str, progressive: bool) -> None:
    data = as_bytes(drawn_digit().convert(mode), "JPEG", progressive=progressive)
    np.testing.assert_array_equal(decode_image(data[:-2]), decode_image(data))
    np.testing.assert_array_equal(decode_image(data[:-1]), decode_image(data))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [12, 40, 300, 700])
def test_jpeg_without_some_of_its_pixels_is_refused(progressive: bool, missing: int) -> None:
    noise = np.random.default_rng(0).integers(0, 99, (64, 64)).astype(np.uint8)
    data = as_bytes(Image.fromarray(noise), "JPEG", progressive=progressive)
    with pytest.raises(InvalidImage, match="without its end"):
        decode_image(data[:-missing])


def test_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    data = as_bytes(drawn_digit(), "JPEG", progressive=True)
    with pytest.raises(InvalidImage, match="without its end"):
        decode_image(data[: data.rindex(b"\xff\xda")])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_decode_image_ignores_data_after_the_image(kind: str) -> None:
    data = as_bytes(drawn_digit().convert("RGB"), kind)
    trailers = (b"\0\0SEFT", b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 200, as_bytes(drawn_digit(ink=90), "JPEG"), bytes(9))
    for trailer in trailers:
        np.testing.assert_array_equal(decode_image(data + trailer), decode_image(data))


def test_jpeg_of_several_images_is_read_as_the_first() -> None:
    both = as_bytes(drawn_digit(), "MPO", save_all=True, append_images=[drawn_digit(40, 9, 255, 0)])
    assert alike(both)


@pytest.mark.parametrize("process", [b"\xff\xc3", b"\xff\xc9", b"\xff\xcb"])
def test_jpeg_of_another_process_is_refused(process: bytes) -> None:
    data = as_bytes(drawn_digit(), "JPEG").replace(b"\xff\xc0", process, 1)
    with pytest.raises(InvalidImage, match="expected a baseline or progressive JPEG of 8 bits, got another kind"):
        decode_image(data)


def chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    whole = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", whole)


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"gAMA", b"tIME", b"pHYs", b"prVt"])
@pytest.mark.parametrize("crc", [0, None])
def test_png_with_a_damaged_ancillary_chunk_is_read(name: bytes, crc: int | None) -> None:
    data = as_bytes(drawn_digit())
    for place in (33, len(data) - 12):
        assert alike(data[:place] + chunk(name, b"\xff" * 9, crc) + data[place:], 1e-6)


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
    kept_crc = int.from_bytes(data[-16:-12], "big")
    with pytest.raises(InvalidImage, match="damaged pixels"):
        decode_image(bytes(data[:33]) + chunk(b"IDAT", other, kept_crc) + bytes(data[-12:]))


def test_png_without_its_palette_is_refused() -> None:
    data = as_bytes(drawn_digit().convert("P"))
    place = data.index(b"PLTE") - 4
    end = place + 12 + int.from_bytes(data[place : place + 4], "big")
    with pytest.raises(InvalidImage, match="palette"):
        decode_image(data[:place] + data[end:])


def test_orientation_is_applied_in_every_format() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        turned = drawn_digit().transpose(Image.Transpose.ROTATE_90).convert("RGB")
        assert alike(as_bytes(turned, kind, exif=exif)), kind


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("side", [100, 1100])
def test_decode_image_reads_every_mode_at_every_size(mode: str, side: int) -> None:
    digit = drawn_digit(side, side // 8)
    picture = digit.convert(mode)
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    assert alike(as_bytes(picture, kind), digit=digit)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_read(mode: str, lossless: bool) -> None:
    assert alike(as_bytes(drawn_digit().convert(mode), "WEBP", lossless=lossless))
    alpha = Image.fromarray(255 - np.asarray(drawn_digit()))
    ink = Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])
    assert alike(as_bytes(ink, "WEBP", lossless=lossless))


def test_webp_that_is_animated_or_broken_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    frames = [drawn_digit(ink=ink) for ink in (0, 90)]
    with pytest.raises(InvalidImage, match="got an animation"):
        decode_image(as_bytes(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    data = as_bytes(drawn_digit(), "WEBP")
    for broken in (data[:20], data[:-100], data[:40] + bytes(60) + data[100:]):
        with pytest.raises(InvalidImage, match="WebP"):
            decode_image(broken)
    assert capfd.readouterr() == ("", "")


def test_webp_over_the_limits_is_refused_before_decoding() -> None:
    body = b"\x2f" + struct.pack("<I", 9_999 | 9_999 << 14)
    with pytest.raises(InvalidImage, match="10000x10000"):
        decode_image(b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize(("width", "height"), [(8, 1_562_500), (1_562_500, 8), (16_385, 8), (191, 65_443)])
def test_image_of_extreme_shape_is_refused(width: int, height: int) -> None:
    with pytest.raises(InvalidImage, match="sides of at most 16384 pixels"):
        decode_image(png_header(width, height))
