"""WebP files: one still picture, opened within limits.

Source: RFC 9649 (2024), "WebP Image Format", sections 2.3-2.7 and 3.4; RFC 6386, section 9.1.
"""

import struct
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from mmdigit.reading.image.opened import Opened, check_memory, check_size, orientation_of
from mmdigit.reading.image.pixels import to_working_size
from schemas.errors import InvalidImage

ANIMATED, HAS_ALPHA = 0x02, 0x10  # flags of VP8X
HELD_BYTES = {b"VP8 ": 6, b"VP8L": 8}  # of each pixel while it is decoded


def open_webp(data: bytes) -> Opened:
    """The picture, reduced to WORKING_SIDE if it is larger. Chunks that do not concern it are left out.

    Raises InvalidImage if it is over the limits, animated or broken.
    """
    chunks = dict(_chunks(data))  # of each name the last
    extended = chunks.get(b"VP8X", b"")
    if b"ANMF" in chunks or b"ANIM" in chunks or (extended[:1] and extended[0] & ANIMATED):
        raise InvalidImage("expected one still picture, got an animation; send one of its pictures")
    name = next((each for each in HELD_BYTES if each in chunks), None)
    if name is None:
        raise InvalidImage("expected a whole WebP file, got one without its picture; send the file again")
    body = chunks[name]
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    check_size(width, height)
    check_memory(HELD_BYTES[name] * width * height)
    written = _chunk(name, body)
    if name == b"VP8 " and b"ALPH" in chunks:
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        written = _chunk(b"VP8X", bytes([HAS_ALPHA, 0, 0, 0]) + size) + _chunk(b"ALPH", chunks[b"ALPH"]) + written
    whole = b"RIFF" + struct.pack("<I", 4 + len(written)) + b"WEBP" + written
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InvalidImage("expected a whole WebP file, got a damaged one; send the file again")
    pixels = to_working_size(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]))
    image.info["exif"] = chunks.get(b"EXIF", b"")
    return Opened(image, orientation_of(image))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        yield data[place : place + 4], data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
