"""Opens WebP files of one still image, within limits.

Source: RFC 9649 (2024), "WebP Image Format", sections 2.3-2.7 and 3.4; RFC 6386, section 9.1.
"""

import struct
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from mmdigit.reading.image.limits import check_memory, check_size
from mmdigit.reading.image.opened_image import OpenedImage, orientation_of
from mmdigit.reading.image.pixels import WORKING_SIDE, to_working_size
from schemas.errors import InvalidImage

ANIMATED, HAS_ALPHA = 0x02, 0x10  # flags of VP8X
PIXEL_BYTES = {b"VP8 ": 6, b"VP8L": 8}  # memory for each pixel while decoding


def open_webp(data: bytes, side: int = WORKING_SIDE) -> OpenedImage:
    """The image, scaled down to a longest side of `side` if larger. Skips chunks that do not concern the image.

    Raises InvalidImage if it is over the limits, animated or broken.
    """
    chunks = dict(_chunks(data))  # the last of each name
    extended = chunks.get(b"VP8X", b"")
    if b"ANMF" in chunks or b"ANIM" in chunks or (extended[:1] and extended[0] & ANIMATED):
        raise InvalidImage("expected one still image, got an animation; send one of its frames")
    name = next((each for each in PIXEL_BYTES if each in chunks), None)
    if name is None:
        raise InvalidImage("expected a whole WebP file, got one without its image; send the file again")
    body = chunks[name]
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    check_size(width, height)
    check_memory(PIXEL_BYTES[name] * width * height)
    content = _chunk(name, body)
    if name == b"VP8 " and b"ALPH" in chunks:
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        content = _chunk(b"VP8X", bytes([HAS_ALPHA, 0, 0, 0]) + size) + _chunk(b"ALPH", chunks[b"ALPH"]) + content
    whole = b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WEBP" + content
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise InvalidImage("expected a whole WebP file, got a damaged one; send the file again")
    pixels = to_working_size(pixels, side)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]))
    image.info["exif"] = chunks.get(b"EXIF", b"")
    return OpenedImage(image, orientation_of(image), size=(width, height))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
