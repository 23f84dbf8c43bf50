"""Opens TIFF files of one page, within limits.

Pillow and libtiff never see the original file. The tags that locate and describe the pixels are checked and rewritten,
so that no second page, loop, unknown tag or offset outside the file reaches them.
Source: Adobe, "TIFF Revision 6.0" (1992), sections 2 and 8-15; Technical Note 2 (JPEG).
"""

import io
import struct
from collections.abc import Set
from functools import partial
from operator import add

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from mmdigit.reading.image.limits import MAX_DEEP_BYTES, MAX_SIDE, check_memory, check_size
from mmdigit.reading.image.opened_image import OpenedImage
from mmdigit.reading.image.tiff_codecs import inflate, unpack_bits, unpack_lzw
from schemas.errors import InvalidImage

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a damaged fax would log up to 16,384 lines

Tags = dict[int, tuple[int, ...]]

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 274, 277, 278, 279
PLANAR, T4_OPTIONS, T6_OPTIONS, PREDICTOR, COLOUR_MAP = 284, 292, 293, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, SUBFILE = 338, 339, 254
BYTE, SHORT, LONG = 1, 3, 4  # the integer types
SIZES = {BYTE: "B", SHORT: "H", LONG: "I"}
UNCOMPRESSED = 1
MAX_SAMPLES = 6  # in one pixel
PART_TAGS = {STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES}  # one value for each part: a strip or a tile
MAX_VALUES = {
    **dict.fromkeys((WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION, SAMPLES, ROWS_PER_STRIP), 1),
    **dict.fromkeys((PLANAR, T4_OPTIONS, T6_OPTIONS, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, SUBFILE), 1),
    **dict.fromkeys((BITS, EXTRA_SAMPLES, SAMPLE_FORMAT), MAX_SAMPLES),
    **dict.fromkeys(PART_TAGS, 65_536),
    COLOUR_MAP: 768,
}
"""The tags that are read, with the maximum number of values of each."""

SUPPORTED = {
    UNCOMPRESSED: "none",
    2: "CCITT RLE",
    3: "G3",
    4: "G4",
    5: "LZW",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
}
FAX = (2, 3, 4)
UNPACK = {5: unpack_lzw, 8: inflate, 32773: unpack_bits, 32946: inflate}
UNSUPPORTED = {6: "old JPEG", 7: "JPEG", 34712: "JPEG 2000", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP"}
MAX_TAGS = 1024  # in one page; cameras write about a hundred
MAX_PAGES = 64  # visited in search of a second page
MAX_TILE_SIDE = 2 * MAX_SIDE  # pixels
THUMBNAIL = 1  # bit of SUBFILE: a reduced copy of another page
CONVERT = "convert it with `magick 'in.tif[0]' out.png`"


def open_tiff(data: bytes) -> OpenedImage:
    """The image, not decoded yet.

    Raises InvalidImage if it has several pages, is over the limits or has an unsupported compression, and what Pillow,
    struct and zlib raise for broken files.
    """
    order = "<" if data[:2] == b"II" else ">"
    tags = _only_page(data, order)
    orientation = tags.pop(ORIENTATION, (1,))[0]
    part_bytes = _check_parts(tags, len(data))
    if tags.get(COMPRESSION, (UNCOMPRESSED,))[0] in FAX:
        return OpenedImage(_decode_fax(data, order, tags), orientation)
    if tags.get(COMPRESSION, (UNCOMPRESSED,))[0] != UNCOMPRESSED:
        data = _decompress(data, order, tags, part_bytes)
    tags.pop(PREDICTOR, None)
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_rewrite(data, order, tags)))
    return OpenedImage(image, orientation, partial(_deep_pixels, data, order, tags) if _is_deep(tags) else None)


def _only_page(data: bytes, order: str) -> Tags:
    """The tags of the only page that is not a thumbnail. A loop in the chain of pages ends the search."""
    (at,) = struct.unpack_from(order + "I", data, 4)
    visited: list[int] = []
    pages: list[int] = []
    while at and at not in visited and len(visited) < MAX_PAGES:
        visited.append(at)
        if not _tags(data, order, at, {SUBFILE}).get(SUBFILE, (0,))[0] & THUMBNAIL:
            pages.append(at)
        (count,) = struct.unpack_from(order + "H", data, at)
        (at,) = struct.unpack(order + "I", data[at + 2 + 12 * count :][:4].ljust(4, b"\0"))
    if len(pages) != 1:
        raise InvalidImage(f"expected a TIFF file of one page, got {len(pages) or 'no'} pages; {CONVERT}")
    return _tags(data, order, pages[0], MAX_VALUES.keys() - {SUBFILE})


def _tags(data: bytes, order: str, page_at: int, wanted: Set[int]) -> Tags:
    """The values of the wanted tags of the page at that offset, without empty ones."""
    (count,) = struct.unpack_from(order + "H", data, page_at)
    if count > MAX_TAGS:
        raise InvalidImage(f"expected at most {MAX_TAGS} tags in a TIFF file, got {count}; {CONVERT}")
    tags: Tags = {}
    for at in range(page_at + 2, page_at + 2 + 12 * count, 12):
        tag, kind, number, offset = struct.unpack_from(order + "HHII", data, at)
        if tag not in wanted or tag in tags or kind not in SIZES or number == 0:
            continue
        if number > MAX_VALUES[tag]:
            raise InvalidImage(f"expected at most {MAX_VALUES[tag]} values in TIFF tag {tag}, got {number}; {CONVERT}")
        values = f"{order}{number}{SIZES[kind]}"
        tags[tag] = struct.unpack_from(values, data, at + 8 if struct.calcsize(values) <= 4 else offset)
    return tags


def _check_parts(tags: Tags, n_bytes: int) -> int:
    """Check the strips or tiles, and add missing lengths to the tags. Returns the size of one, uncompressed.

    n_bytes: of the file. Raises InvalidImage if a part is outside the file, or all are over the limits.
    """
    width, height = tags.get(WIDTH, (0,))[0], tags.get(HEIGHT, (0,))[0]
    check_size(width, height)
    compression = tags.get(COMPRESSION, (UNCOMPRESSED,))[0]
    if compression not in SUPPORTED:
        got = UNSUPPORTED.get(compression, f"compression {compression}")
        raise InvalidImage(
            f"expected a TIFF file compressed as {', '.join(sorted(set(SUPPORTED.values())))}, got {got}; {CONVERT}"
        )
    if TILE_OFFSETS in tags:
        where, lengths = TILE_OFFSETS, TILE_BYTES
        across, down = tags.get(TILE_WIDTH, (0,))[0], tags.get(TILE_HEIGHT, (0,))[0]
    else:
        where, lengths = STRIP_OFFSETS, STRIP_BYTES
        across, down = width, min(height, tags.get(ROWS_PER_STRIP, (height,))[0]) or height
        tags[ROWS_PER_STRIP] = (down,)
    samples = tags.get(SAMPLES, (1,))[0]
    if not (0 < samples <= MAX_SAMPLES and 0 < across <= MAX_TILE_SIDE and 0 < down <= MAX_TILE_SIDE):
        raise InvalidImage(
            f"expected up to {MAX_SAMPLES} samples and tiles of {MAX_TILE_SIDE} pixels in a TIFF file, "
            f"got {samples} and {across}x{down}; {CONVERT}"
        )
    planes = samples if tags.get(PLANAR, (1,))[0] == 2 else 1
    parts = -(-width // across) * -(-height // down) * planes
    part_bytes = -(-across * samples // planes * max(tags.get(BITS, (1,))) // 8) * down
    check_memory(4 * width * height + (1 if compression == UNCOMPRESSED else 2) * parts * part_bytes)
    offsets = tags.get(where, ())[:parts]
    if lengths not in tags and (compression == UNCOMPRESSED or parts == 1):  # old programs leave them out
        longest = part_bytes if compression == UNCOMPRESSED else n_bytes
        tags[lengths] = tuple(max(0, min(longest, n_bytes - offset)) for offset in offsets)
    sizes = tags.get(lengths, ())[:parts]
    overlap = sum(sizes) > n_bytes  # many strips must not share the same few bytes
    if min(len(offsets), len(sizes)) < parts or overlap or any(map(n_bytes.__lt__, map(add, offsets, sizes))):
        raise InvalidImage("expected a whole TIFF file, got one without some of its pixels; send the file again")
    tags[where], tags[lengths] = offsets, sizes
    return part_bytes


def _decompress(data: bytes, order: str, tags: Tags, part_bytes: int) -> bytes:
    """The file with its strips or tiles decompressed. Changes the tags accordingly."""
    unpack, predictor = UNPACK[tags[COMPRESSION][0]], tags.get(PREDICTOR, (1,))[0]
    where, lengths = (TILE_OFFSETS, TILE_BYTES) if TILE_OFFSETS in tags else (STRIP_OFFSETS, STRIP_BYTES)
    last = part_bytes
    if where == STRIP_OFFSETS:
        last = part_bytes // tags[ROWS_PER_STRIP][0] * ((tags[HEIGHT][0] - 1) % tags[ROWS_PER_STRIP][0] + 1)
    by_row = -(-tags[HEIGHT][0] // tags[ROWS_PER_STRIP][0]) if where == STRIP_OFFSETS else 1
    parts, offsets = [data[:8]], [8]
    for number, (at, length) in enumerate(zip(tags[where], tags[lengths], strict=True), 1):
        size = last if number % by_row == 0 else part_bytes
        part = unpack(data[at : at + length], size)[:size]
        if len(part) < size:
            raise InvalidImage("expected a whole TIFF file, got one without some of its pixels; send the file again")
        parts.append(part if predictor == 1 else _undo_prediction(part, order, tags))
        offsets.append(offsets[-1] + size)
    tags[where], tags[lengths] = tuple(offsets[:-1]), tuple(map(len, parts[1:]))
    tags[COMPRESSION] = (UNCOMPRESSED,)
    return b"".join(parts)


def _undo_prediction(part: bytes, order: str, tags: Tags) -> bytes:
    """The pixels of a part whose every pixel is stored as the difference to its left neighbour (predictor 2)."""
    bits, across = max(tags.get(BITS, (1,))), tags[TILE_WIDTH if TILE_OFFSETS in tags else WIDTH][0]
    samples = tags.get(SAMPLES, (1,))[0] if tags.get(PLANAR, (1,))[0] != 2 else 1
    if bits not in (8, 16, 32) or tags[PREDICTOR][0] != 2:
        raise InvalidImage(f"expected a TIFF file without prediction of {bits} bits, got one with it; {CONVERT}")
    differences = np.frombuffer(part, f"{order}u{bits // 8}").reshape(-1, across, samples)
    return np.cumsum(differences, axis=1, dtype=differences.dtype.newbyteorder("=")).astype(differences.dtype).tobytes()


def _decode_fax(data: bytes, order: str, tags: Tags) -> Image.Image:
    """A bilevel image in fax compression, decoded by OpenCV's libtiff, whose messages can be switched off."""
    pixels = cv2.imdecode(np.frombuffer(_rewrite(data, order, tags), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape != (tags[HEIGHT][0], tags[WIDTH][0]) or pixels.dtype != np.uint8:
        raise InvalidImage(f"expected a whole bilevel TIFF file, got a damaged one; {CONVERT}")
    return Image.fromarray(np.asarray(pixels, np.uint8))


def _rewrite(data: bytes, order: str, tags: Tags) -> bytes:
    """The file with one page of these tags; the pixels keep their offsets."""
    start = len(data) + len(data) % 2
    values_at = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, numbers in sorted(tags.items()):
        kind = LONG if tag in PART_TAGS or max(numbers) > 0xFFFF else SHORT
        packed = struct.pack(f"{order}{len(numbers)}{SIZES[kind]}", *numbers).ljust(4, b"\0")
        if len(packed) > 4:
            offset = values_at + len(values)
            values += packed + bytes(len(packed) % 4)
            packed = struct.pack(order + "I", offset)
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + packed
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    header = data[:4] + struct.pack(order + "I", start)
    return b"".join((header, data[8:].ljust(start - 8, b"\0"), directory, values))


def _is_deep(tags: Tags) -> bool:
    """Whether the pixels have several interleaved channels of 16 bits, of which Pillow keeps the upper 8 bits only."""
    samples = tags.get(SAMPLES, (1,))[0]
    return (
        samples > 1
        and set(tags.get(BITS, (1,))) == {16}
        and tags.get(PHOTOMETRIC, (0,))[0] in (1, 2)
        and {tags.get(PLANAR, (1,))[0], tags.get(SAMPLE_FORMAT, (1,))[0]} == {1}
        and TILE_OFFSETS not in tags
        and 2 * samples * tags[WIDTH][0] * tags[HEIGHT][0] <= MAX_DEEP_BYTES
    )


def _deep_pixels(data: bytes, order: str, tags: Tags) -> NDArray[np.uint16]:
    """All 16 bits of each channel, (height, width, channels), read as if each channel were a grey pixel."""
    (samples,) = tags[SAMPLES]
    grey = {tag: values for tag, values in tags.items() if tag not in (EXTRA_SAMPLES, SAMPLE_FORMAT)}
    grey |= {WIDTH: (tags[WIDTH][0] * samples,), SAMPLES: (1,), BITS: (16,), PHOTOMETRIC: (1,)}
    with TiffImagePlugin.TiffImageFile(io.BytesIO(_rewrite(data, order, grey))) as image:
        return np.asarray(image).astype(np.uint16).reshape(tags[HEIGHT][0], tags[WIDTH][0], samples)
