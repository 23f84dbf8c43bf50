"""JPEG files: the main picture, whatever stands behind it, opened within limits.

Source: ITU-T T.81 (1992), annex B; CIPA DC-007 (MPF: further pictures behind the end of the first).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import JpegImagePlugin
from PIL.Image import Image

from mmdigit.reading.image.opened import Opened, check_memory, check_size, orientation_of
from mmdigit.reading.image.pixels import WORKING_SIDE
from schemas.errors import InvalidImage

MAX_SCANS = 20  # a usual progressive JPEG has about 10; each costs one pass over all pixels
END = b"\xff\xd9"
BLOCK_BYTES = 128  # 64 coefficients of 16 bits
FILLERS = (b"\x55" * 64, b"\xaa\x33" * 32)

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # no stuffed byte, no restart: those stand amid the pixels
_START_OF_SCAN, _END_OF_IMAGE, _NO_LENGTH = 0xDA, 0xD9, (0x01, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READ_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; the others are lossless, hierarchical, arithmetic


@dataclass(slots=True)
class _Jpeg:
    """What a file's segments say. end: of the main picture; None = its end marker is missing."""

    frame: int = 0
    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)  # of each component: columns, rows
    scans: list[tuple[tuple[int, ...], int, int, int]] = field(default_factory=list)  # components, first, last, bits
    end: int | None = None


def open_jpeg(data: bytes) -> Opened:
    """The main picture, not decoded yet; its size is a half, a quarter or an eighth if it is large.

    Raises InvalidImage if it is over the limits or lacks some of its pixels, and what Pillow raises for broken files.
    """
    jpeg = _read(data)
    check_size(jpeg.width, jpeg.height)
    check_memory(_held_bytes(jpeg))
    if jpeg.end is None:
        whole = data.rstrip(b"\xff")
        if not _is_complete(jpeg) or not _holds_all_pixels(whole):
            raise InvalidImage("expected a whole JPEG file, got one without its end; send the file again")
        data = whole + END
    image = _opened(data[: jpeg.end])
    return Opened(image, orientation_of(image) if "exif" in image.info else 1)


def _opened(data: bytes) -> Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    check_size(*image.size)
    scale = _scale(*image.size)
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))
    return image


def _scale(width: int, height: int) -> int:
    """How many times smaller libjpeg is to decode the picture, at no cost."""
    spare = max(width, height) // (2 * WORKING_SIDE)
    return next((scale for scale in (8, 4, 2) if spare >= scale and min(width, height) >= scale), 1)


def _read(data: bytes) -> _Jpeg:
    jpeg = _Jpeg()
    for marker, body in _segments(data):
        if marker == _END_OF_IMAGE:
            jpeg.end = body
        elif marker == _START_OF_SCAN:
            count = data[body]
            first, last, bits = data[body + 1 + 2 * count : body + 4 + 2 * count]
            jpeg.scans.append((tuple(data[body + 1 : body + 1 + 2 * count : 2]), first, last, bits & 15))
            if len(jpeg.scans) > MAX_SCANS:
                raise InvalidImage(f"expected at most {MAX_SCANS} JPEG scans, got more; save the picture again")
        elif marker in _FRAMES and not jpeg.frame:
            if marker not in _READ_FRAMES or data[body] != 8:
                raise InvalidImage(
                    "expected a baseline or progressive JPEG of 8 bits, got another kind; "
                    "convert it with `djpeg in.jpg > out.ppm && magick out.ppm out.png`"
                )
            jpeg.frame = marker
            jpeg.height, jpeg.width = (int.from_bytes(data[body + at : body + at + 2], "big") for at in (1, 3))
            for at in range(body + 6, body + 6 + 3 * data[body + 5], 3):
                jpeg.sampling[data[at]] = max(1, data[at + 1] >> 4), max(1, data[at + 1] & 15)
    return jpeg


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker, and where what stands behind its length begins; ends at the main picture's end or the file's."""
    found = _MARKER.search(data, 2)
    while found:
        marker, place = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            yield marker, place
            return
        if marker not in _NO_LENGTH:
            length = int.from_bytes(data[place : place + 2], "big")
            if length < 2 or place + length > len(data):
                return
            yield marker, place + 2
            place += length
        found = _MARKER.search(data, place)


def _held_bytes(jpeg: _Jpeg) -> int:
    """What libjpeg and Pillow hold: the pixels, and all coefficients if they come in more than one scan."""
    pixels = 4 * jpeg.width * jpeg.height // _scale(jpeg.width, jpeg.height) ** 2
    if len(jpeg.scans) < 2 or not jpeg.sampling:
        return pixels
    columns = -(-jpeg.width // (8 * max(across for across, _ in jpeg.sampling.values())))
    rows = -(-jpeg.height // (8 * max(down for _, down in jpeg.sampling.values())))
    return pixels + columns * rows * BLOCK_BYTES * sum(across * down for across, down in jpeg.sampling.values())


def _is_complete(jpeg: _Jpeg) -> bool:
    """Whether the scans say all 64 coefficients of each component to the last bit."""
    said = {
        (component, coefficient)
        for components, first, last, bits in jpeg.scans
        if bits == 0
        for component in components
        for coefficient in range(first, min(last, 63) + 1)
    }
    return bool(jpeg.sampling) and all((each, number) in said for each in jpeg.sampling for number in range(64))


def _holds_all_pixels(data: bytes) -> bool:
    """Whether no pixel depends on what follows the data: libjpeg fills missing ones in without a word."""
    first, *others = (np.asarray(_opened(data + filler + END)) for filler in (b"", *FILLERS))
    return all(np.array_equal(first, other) for other in others)
