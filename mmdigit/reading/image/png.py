"""Opens PNG files within limits: decodes plain ones directly, and hands Pillow only the chunks of the image of others.

Source: W3C, "Portable Network Graphics (PNG) Specification", third edition, chapters 5, 9 and 11.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import PngImagePlugin

from mmdigit.reading.image.limits import MAX_DEEP_BYTES, MIN_SIDE, check_size
from mmdigit.reading.image.opened_image import OpenedImage, orientation_of
from mmdigit.reading.image.pixels import WORKING_SIDE, Grey
from schemas.errors import InvalidImage

MAGIC = b"\x89PNG\r\n\x1a\n"
START, END = MAGIC + b"\0\0\0\rIHDR", b"\0\0\0\0IEND\xaeB`\x82"
PLAIN_BYTES = 8 + 25 + 12 + 12  # magic, header, the frame of the pixel chunk, end chunk
MAX_FILTER = 4
HEADER_BYTES = 25
KEPT_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IEND"}
TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt"}
ORIENTATION_TEXTS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # in which Pillow looks for the orientation
DEEP_CHANNELS = {2: 3, 4: 2, 6: 4}  # number of 16-bit channels by colour type; Pillow keeps the upper 8 bits

PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024  # of unpacked text, which nobody reads; 64 MiB by default


def read_plain_png(data: bytes) -> Grey | None:
    """The pixels of a small, undamaged PNG with 8-bit grey and no other chunks, as Pillow returns them but faster.

    None for any other PNG: Pillow reads those that libpng would complain about.
    """
    if not (data.startswith(START) and data.endswith(END)) or len(data) < PLAIN_BYTES:
        return None
    width, height, *kind, crc, n_packed, name = struct.unpack_from(">IIBBBBBII4s", data, 16)
    if kind != [8, 0, 0, 0, 0] or min(width, height) < MIN_SIDE or max(width, height) > WORKING_SIDE:
        return None
    if name != b"IDAT" or n_packed != len(data) - PLAIN_BYTES:
        return None
    packed = data[41:-16]
    if (zlib.crc32(data[12:29]), zlib.crc32(data[37:-16])) != (crc, int.from_bytes(data[-16:-12], "big")):
        return None
    inflate, n_bytes = zlib.decompressobj(), height * (width + 1)
    try:
        rows = inflate.decompress(packed, n_bytes + 1)
    except zlib.error:
        return None
    if not inflate.eof or inflate.unused_data or len(rows) != n_bytes or max(rows[:: width + 1]) > MAX_FILTER:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None else np.asarray(pixels / np.float32(255), np.float32)


def open_png(data: bytes) -> OpenedImage:
    """The image, not decoded yet. Skips chunks that do not concern the image, even damaged ones, and any data after it.

    Raises InvalidImage if it is over the limits or incomplete, and what Pillow raises for broken files.
    """
    kept: dict[bytes, list[bytes]] = {}  # by name; only IDAT may occur more than once
    for name, chunk in _chunks(data):
        if name == b"acTL" and int.from_bytes(chunk[8:12], "big") > 1:
            raise InvalidImage("expected one still image, got several in one file; send one of them")
        if name == b"IHDR" and len(chunk) == HEADER_BYTES:
            check_size(*struct.unpack_from(">II", chunk, 8))
        if name == b"IDAT" and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):  # Pillow does not check
            raise InvalidImage("expected a whole PNG file, got one with damaged pixels; send the file again")
        if name == b"IDAT" or (name not in kept and (name in KEPT_CHUNKS or _may_hold_orientation(name, chunk))):
            kept.setdefault(name, []).append(chunk)
        if name == b"IEND":
            break
    else:
        raise InvalidImage("expected a whole PNG file, got one without its end; send the file again")
    if kept.get(b"IHDR", [b""])[0][17:18] == b"\x03" and b"PLTE" not in kept:
        raise InvalidImage("expected a whole PNG file, got one without its palette; send the file again")
    image = PngImagePlugin.PngImageFile(io.BytesIO(MAGIC + b"".join(chunk for each in kept.values() for chunk in each)))
    orientation = orientation_of(image) if kept.keys() - KEPT_CHUNKS - {b"IDAT"} else 1
    header, deep_pixels = kept[b"IHDR"][0], None
    if header[16] == 16 and header[17] in DEEP_CHANNELS and not header[20]:
        deep_pixels = partial(_deep_pixels, header, kept.get(b"IDAT", []))
    return OpenedImage(image, orientation, deep_pixels)


def _deep_pixels(header: bytes, packed: list[bytes]) -> NDArray[np.uint16] | None:
    """All 16 bits of each channel, (height, width, channels), red first; None if they cannot be decoded."""
    width, height, _, colour = struct.unpack_from(">IIBB", header, 8)
    row_bytes = 1 + 2 * width * DEEP_CHANNELS[colour]
    if height * row_bytes > MAX_DEEP_BYTES:
        return None
    body = b"".join(chunk[8:-4] for chunk in packed)
    inflate = zlib.decompressobj()
    rows = inflate.decompress(body, height * row_bytes + 1)
    if not inflate.eof or len(rows) != height * row_bytes or max(rows[::row_bytes]) > MAX_FILTER:
        return None  # libpng would complain
    chunk = b"IDAT" + body
    whole = b"".join((MAGIC, header, struct.pack(">I", len(body)), chunk, struct.pack(">I", zlib.crc32(chunk)), END))
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return None
    return np.asarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]], np.uint16)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and all bytes of each complete chunk."""
    at = len(MAGIC)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            return
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def _may_hold_orientation(name: bytes, chunk: bytes) -> bool:
    """Whether an undamaged chunk may hold the orientation."""
    if name != b"eXIf" and not (name in TEXT_CHUNKS and chunk.startswith(ORIENTATION_TEXTS, 8)):
        return False
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
