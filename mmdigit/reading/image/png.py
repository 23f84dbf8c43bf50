"""PNG files: plain ones read at once; of others the chunks that hold the picture, opened within limits.

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

from mmdigit.reading.image.opened import MAX_DEEP_BYTES, MIN_SIDE, Opened, check_size, orientation_of
from mmdigit.reading.image.pixels import WORKING_SIDE, Grey
from schemas.errors import InvalidImage

MAGIC = b"\x89PNG\r\n\x1a\n"
START, END = MAGIC + b"\0\0\0\rIHDR", b"\0\0\0\0IEND\xaeB`\x82"
PLAIN_BYTES = 8 + 25 + 12 + 12  # magic, header, and what is around the packed pixels and at the end
LAST_FILTER = 4
HEADER_BYTES = 25
PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IEND"}
TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
ORIENTED = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # texts where Pillow looks for how the camera was held
DEEP_CHANNELS = {2: 3, 4: 2, 6: 4}  # of 16 bits, by colour type; Pillow keeps the upper 8

PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024  # of unpacked text in one PNG; 64 MiB by default, and nobody reads it


def read_plain_png(data: bytes) -> Grey | None:
    """The pixels of a small, whole PNG of 8 grey bits with nothing beside them, as Pillow gives them, only sooner;
    None for any other picture: whatever libpng would complain of is left to Pillow.
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
    if not inflate.eof or inflate.unused_data or len(rows) != n_bytes or max(rows[:: width + 1]) > LAST_FILTER:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None else np.asarray(pixels / np.float32(255), np.float32)


def open_png(data: bytes) -> Opened:
    """The picture, not decoded yet. Chunks that do not concern it, damaged ones too, and what follows it are left out.

    Raises InvalidImage if it is over the limits or not whole, and what Pillow raises for broken files.
    """
    kept: dict[bytes, list[bytes]] = {}  # by name, IDAT alone more than once
    for name, chunk in _chunks(data):
        if name == b"acTL" and int.from_bytes(chunk[8:12], "big") > 1:
            raise InvalidImage("expected one still picture, got several in one file; send one of them")
        if name == b"IHDR" and len(chunk) == HEADER_BYTES:
            check_size(*struct.unpack_from(">II", chunk, 8))
        if name == b"IDAT" and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):  # Pillow does not look
            raise InvalidImage("expected a whole PNG file, got one with damaged pixels; send the file again")
        if name == b"IDAT" or (name not in kept and (name in PICTURE or _tells_orientation(name, chunk))):
            kept.setdefault(name, []).append(chunk)
        if name == b"IEND":
            break
    else:
        raise InvalidImage("expected a whole PNG file, got one without its end; send the file again")
    if kept.get(b"IHDR", [b""])[0][17:18] == b"\x03" and b"PLTE" not in kept:
        raise InvalidImage("expected a whole PNG file, got one without its palette; send the file again")
    image = PngImagePlugin.PngImageFile(io.BytesIO(MAGIC + b"".join(chunk for each in kept.values() for chunk in each)))
    orientation = orientation_of(image) if kept.keys() - PICTURE - {b"IDAT"} else 1
    header, deep = kept[b"IHDR"][0], None
    if header[16] == 16 and header[17] in DEEP_CHANNELS and not header[20]:
        deep = partial(_deep_pixels, header, kept.get(b"IDAT", []))
    return Opened(image, orientation, deep)


def _deep_pixels(header: bytes, packed: list[bytes]) -> NDArray[np.uint16] | None:
    """All 16 bits of each channel, (height, width, channels), red first; None if they are not to be had."""
    width, height, _, colour = struct.unpack_from(">IIBB", header, 8)
    row_bytes = 1 + 2 * width * DEEP_CHANNELS[colour]
    if height * row_bytes > MAX_DEEP_BYTES:
        return None
    body = b"".join(chunk[8:-4] for chunk in packed)
    inflate = zlib.decompressobj()
    rows = inflate.decompress(body, height * row_bytes + 1)
    if not inflate.eof or len(rows) != height * row_bytes or max(rows[::row_bytes]) > LAST_FILTER:
        return None  # libpng would complain
    chunk = b"IDAT" + body
    whole = b"".join((MAGIC, header, struct.pack(">I", len(body)), chunk, struct.pack(">I", zlib.crc32(chunk)), END))
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return None
    return np.asarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]], np.uint16)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole bytes of each chunk that is there."""
    place = len(MAGIC)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if end > len(data):
            return
        yield data[place + 4 : place + 8], data[place:end]
        place = end


def _tells_orientation(name: bytes, chunk: bytes) -> bool:
    """Whether it may say how the camera was held, and is whole."""
    if name != b"eXIf" and not (name in TEXTS and chunk.startswith(ORIENTED, 8)):
        return False
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
