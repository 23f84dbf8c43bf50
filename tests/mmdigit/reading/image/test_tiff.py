"""TIFF files of every compression, layout and depth are read; malformed ones are refused before libtiff sees them."""

import struct
import zlib
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from schemas.errors import InvalidImage
from tests.mmdigit.clips import as_bytes, drawn_digit

BILEVEL = ["group3", "group4", "tiff_ccitt"]
ANY = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]
PLAIN = decode_image(as_bytes(drawn_digit()))


def tiff(tags: dict[int, int | list[int]], pixels: bytes = b"", order: str = "<", following: int = 0) -> bytes:
    """A file of one page with these tags; the pixels begin at offset 8."""
    directory, values = struct.pack(order + "H", len(tags)), b""
    values_at = 8 + len(pixels) + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        numbers = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        where = packed if len(packed) == 4 else struct.pack(order + "I", values_at + len(values))
        values += packed if len(packed) > 4 else b""
        directory += struct.pack(order + "HHI", tag, 4, len(numbers)) + where
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(pixels))
    return start + pixels + directory + struct.pack(order + "I", following) + values


GREY = np.asarray(drawn_digit())
TAGS: dict[int, int | list[int]] = {
    256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 100, 279: 10_000,
}  # fmt: skip


def distance(data: bytes) -> float:
    return float(np.abs(decode_image(data) - PLAIN).mean())


@pytest.mark.parametrize("compression", [*BILEVEL, *ANY])
def test_tiff_of_two_levels_is_read_in_every_compression(compression: str | None) -> None:
    expected = decode_image(as_bytes(drawn_digit().convert("1")))
    data = as_bytes(drawn_digit().convert("1"), "TIFF", compression=compression)
    np.testing.assert_array_equal(decode_image(data), expected)


@pytest.mark.parametrize("compression", ANY)
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I", "F"])
def test_tiff_of_every_mode_is_read_in_every_compression(mode: str, compression: str | None) -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    image = {"I;16": deep, "I;16B": deep.convert("I;16B"), "I": deep.convert("I"), "F": deep.convert("F")}.get(
        mode
    ) or drawn_digit().convert(mode)
    assert distance(as_bytes(image, "TIFF", compression=compression)) < 0.01


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_tiff_of_any_polarity_byte_order_and_depth_is_read(order: str, photometric: int, bits: int) -> None:
    levels = (GREY if photometric else 255 - GREY) >> np.uint8(8 - bits)
    spread = np.unpackbits(levels[..., None], axis=2)[..., 8 - bits :].reshape(100, -1)
    packed = np.packbits(spread, axis=1)
    tags = TAGS | {258: bits, 262: photometric, 279: packed.size}
    assert distance(tiff(tags, packed.tobytes(), order)) < 0.02


def test_tiff_of_strips_tiles_and_planes_is_read() -> None:
    assert distance(tiff(TAGS, GREY.tobytes())) == 0
    strips = TAGS | {273: [8 + 100 * row for row in range(0, 100, 10)], 278: 10, 279: [1000] * 10}
    assert distance(tiff(strips, GREY.tobytes())) == 0
    padded = np.pad(GREY, ((0, 28), (0, 28)))
    tiles = [padded[row : row + 64, column : column + 64].tobytes() for row in (0, 64) for column in (0, 64)]
    tiled = {tag: value for tag, value in TAGS.items() if tag not in (273, 278, 279)}
    tiled |= {322: 64, 323: 64, 324: [8 + 4096 * tile for tile in range(4)], 325: [4096] * 4}
    assert distance(tiff(tiled, b"".join(tiles))) == 0
    planes = TAGS | {258: [8] * 3, 262: 2, 273: [8, 10_008, 20_008], 277: 3, 279: [10_000] * 3, 284: 2}
    assert distance(tiff(planes, GREY.tobytes() * 3)) < 1e-5
    no_lengths = {tag: value for tag, value in TAGS.items() if tag != 279}
    assert distance(tiff(no_lengths, GREY.tobytes())) == 0


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_of_16_bit_colour_is_scaled_by_the_bits_in_use(bits: int, predictor: int, channels: int) -> None:
    levels = np.round(GREY / 255 * (2**bits - 1)).astype(np.uint16)
    pixels = np.dstack([levels] * 3 + [np.full_like(levels, 2**bits - 1)] * (channels - 3))
    packing = [cv2.IMWRITE_TIFF_COMPRESSION, 5, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    assert distance(cv2.imencode(".tif", pixels, packing)[1].tobytes()) < 1e-5


def test_tiff_thumbnail_is_not_a_second_page() -> None:
    small = tiff(TAGS | {254: 1}, GREY.tobytes())
    (page,) = struct.unpack_from("<I", small, 4)
    assert distance(tiff(TAGS, GREY.tobytes() + small[page:], following=8 + GREY.size)) == 0


def test_tiff_of_several_pages_is_refused_with_a_remedy() -> None:
    data = as_bytes(drawn_digit(), "TIFF", save_all=True, append_images=[drawn_digit(ink=50)])
    with pytest.raises(InvalidImage, match=r"expected a TIFF file of one page, got 2 pages; convert it with `magick"):
        decode_image(data)


def test_tiff_page_that_follows_itself_is_one_page() -> None:
    assert distance(tiff(TAGS, GREY.tobytes(), following=8 + GREY.size)) == 0


PIXELS = GREY.tobytes()
ZEROS = zlib.compress(bytes(1300))
REFUSED = {
    "no tags": (tiff({}), "at least 8x8 pixels, got 0x0"),
    "no pixels": (tiff(TAGS), "without some of its pixels"),
    "pixels beyond the file": (tiff(TAGS | {273: 99_999}, PIXELS), "without some of its pixels"),
    "too few strips": (tiff(TAGS | {278: 10}, PIXELS), "without some of its pixels"),
    "strips that share their bytes": (
        tiff(TAGS | {273: [8] * 100, 278: 1, 279: [9_000] * 100}, PIXELS),
        "without some of its pixels",
    ),
    "huge": (tiff(TAGS | {256: 60_000, 257: 60_000}, PIXELS), "at most 12500000 pixels"),
    "long": (tiff(TAGS | {256: 20_000}, PIXELS), "sides of at most"),
    "a tile of a gigabyte": (tiff(TAGS | {322: 32_768, 323: 32_768, 324: 8, 325: 9}, PIXELS), "MB to decode"),
    "tiles far wider than the page": (
        tiff(TAGS | {257: 16_000, 322: 32_768, 323: 16, 324: [8] * 1000, 325: [9] * 1000}, PIXELS),
        "MB to decode",
    ),
    "a tile of no size": (tiff(TAGS | {322: 0, 323: 0, 324: 8, 325: 9}, PIXELS), "got 1 and 0x0"),
    "a thousand samples": (tiff(TAGS | {277: 1000}, PIXELS), "got 1000"),
    "values without end": (tiff(TAGS | {258: [8] * 100}, PIXELS), "at most 6 values in TIFF tag 258, got 100"),
    "a directory beyond the file": (b"II*\0" + struct.pack("<I", 2**31) + bytes(50), "damaged"),
    "tags without end": (b"II*\0" + struct.pack("<IH", 8, 60_000) + bytes(50), "at most 1024 tags"),
    "JPEG within": (tiff(TAGS | {259: 7}, PIXELS), "got JPEG; convert it with `magick"),
    "an unknown packing": (tiff(TAGS | {259: 77}, PIXELS), "got compression 77"),
    "BigTIFF": (b"II+\0\x08\0\0\0" + bytes(50), "got BigTIFF; convert it with `magick"),
    "a damaged LZW strip": (tiff(TAGS | {259: 5}, PIXELS), "damaged"),
    "a damaged deflate strip": (tiff(TAGS | {259: 8}, PIXELS), "damaged"),
    "a PackBits strip that ends early": (tiff(TAGS | {259: 32_773}, b"\x81\xff" * 78 + b"\x80"), "without some"),
    "an LZW strip that ends early": (tiff(TAGS | {259: 5, 279: 4}, b"\x80\x00\x20\x20"), "without some"),
    "prediction of one bit": (tiff(TAGS | {258: 1, 259: 8, 317: 2, 279: len(ZEROS)}, ZEROS), "without prediction"),
    "a directory that ends early": (tiff(TAGS, PIXELS)[:-50], "damaged|without some"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tiff_that_no_program_writes_is_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, message = REFUSED[name]
    with pytest.raises(InvalidImage, match=message):
        decode_image(data)
    assert capfd.readouterr() == ("", "")


def test_tiff_with_an_endless_chain_of_pages_is_refused() -> None:
    places = range(8, 8 + 200_000 * 6, 6)
    chain = b"".join(struct.pack("<HI", 0, following) for _, following in pairwise(places))
    with pytest.raises(InvalidImage, match="got 64 pages"):
        decode_image(b"II*\0" + struct.pack("<I", 8) + chain)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_tiff_with_nan_or_infinity_is_refused(value: float) -> None:
    with pytest.raises(InvalidImage, match="NaN or infinity"):
        decode_image(as_bytes(Image.fromarray(np.where(GREY < 9, value, 1).astype(np.float32)), "TIFF"))
