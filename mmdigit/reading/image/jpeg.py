"""Opens the main image of JPEG files within limits; ignores what follows it.

Sources: ITU-T T.81 (1992), annex B; CIPA DC-007 (MPF: more images after the end of the first).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import JpegImagePlugin
from PIL.Image import Image

from mmdigit.reading.image.limits import check_memory, check_size
from mmdigit.reading.image.opened_image import OpenedImage, orientation_of
from mmdigit.reading.image.pixels import WORKING_SIDE
from schemas.errors import InvalidImage

MAX_SCANS = 20  # a typical progressive JPEG has about 10; each costs a pass over all pixels
END = b"\xff\xd9"
BLOCK_BYTES = 128  # 64 coefficients of 16 bits
FILLERS = (b"\x55" * 64, b"\xaa\x33" * 32)

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither stuffed bytes nor restarts, which occur within the pixels
_START_OF_SCAN, _END_OF_IMAGE, _NO_LENGTH = 0xDA, 0xD9, (0x01, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READ_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; not lossless, hierarchical or arithmetic


@dataclass(slots=True)
class _Jpeg:
    """The content of a file's segments. end: of the main image; None = the end marker is missing."""

    frame: int = 0
    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)  # by component: columns, rows
    scans: list[tuple[tuple[int, ...], int, int, int]] = field(default_factory=list)  # components, first, last, bits
    end: int | None = None


def open_jpeg(data: bytes, side: int = WORKING_SIDE) -> OpenedImage:
    """The main image, not decoded yet; one larger than 2 * side decodes to a half, a quarter or an eighth of its size.

    Raises InvalidImage if it is over the limits or lacks some of its pixels, and what Pillow raises for broken files.
    """
    jpeg = _parse(data)
    check_size(jpeg.width, jpeg.height)
    check_memory(_memory_bytes(jpeg, side))
    if jpeg.end is None:
        whole = data.rstrip(b"\xff")
        if not _is_complete(jpeg) or not _holds_all_pixels(whole, side):
            raise InvalidImage("expected a whole JPEG file, got one without its end; send the file again")
        data = whole + END
    image = _open(data[: jpeg.end], side)
    return OpenedImage(image, orientation_of(image) if "exif" in image.info else 1, size=(jpeg.width, jpeg.height))


def _open(data: bytes, side: int) -> Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    check_size(*image.size)
    scale = _scale(*image.size, side)
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))
    return image


def _scale(width: int, height: int, side: int) -> int:
    """The factor by which libjpeg scales the image down while decoding, at no cost."""
    spare = max(width, height) // (2 * side)
    return next((scale for scale in (8, 4, 2) if spare >= scale and min(width, height) >= scale), 1)


def _parse(data: bytes) -> _Jpeg:
    jpeg = _Jpeg()
    for marker, body in _segments(data):
        if marker == _END_OF_IMAGE:
            jpeg.end = body
        elif marker == _START_OF_SCAN:
            count = data[body]
            first, last, bits = data[body + 1 + 2 * count : body + 4 + 2 * count]
            jpeg.scans.append((tuple(data[body + 1 : body + 1 + 2 * count : 2]), first, last, bits & 15))
            if len(jpeg.scans) > MAX_SCANS:
                raise InvalidImage(f"expected at most {MAX_SCANS} JPEG scans, got more; save the image again")
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
    """The marker of each segment, and where its body begins, up to the end of the main image or of the file."""
    match = _MARKER.search(data, 2)
    while match:
        marker, at = data[match.start() + 1], match.end()
        if marker == _END_OF_IMAGE:
            yield marker, at
            return
        if marker not in _NO_LENGTH:
            length = int.from_bytes(data[at : at + 2], "big")
            if length < 2 or at + length > len(data):
                return
            yield marker, at + 2
            at += length
        match = _MARKER.search(data, at)


def _memory_bytes(jpeg: _Jpeg, side: int) -> int:
    """What libjpeg and Pillow allocate: the pixels, and all coefficients if there is more than one scan."""
    pixels = 4 * jpeg.width * jpeg.height // _scale(jpeg.width, jpeg.height, side) ** 2
    if len(jpeg.scans) < 2 or not jpeg.sampling:
        return pixels
    columns = -(-jpeg.width // (8 * max(across for across, _ in jpeg.sampling.values())))
    rows = -(-jpeg.height // (8 * max(down for _, down in jpeg.sampling.values())))
    return pixels + columns * rows * BLOCK_BYTES * sum(across * down for across, down in jpeg.sampling.values())


def _is_complete(jpeg: _Jpeg) -> bool:
    """Whether the scans hold all 64 coefficients of each component to the last bit."""
    complete = {
        (component, coefficient)
        for components, first, last, bits in jpeg.scans
        if bits == 0
        for component in components
        for coefficient in range(first, min(last, 63) + 1)
    }
    return bool(jpeg.sampling) and all((each, number) in complete for each in jpeg.sampling for number in range(64))


def _holds_all_pixels(data: bytes, side: int) -> bool:
    """Whether no pixel depends on what follows the data: libjpeg makes up missing pixels without an error."""
    first, *others = (np.asarray(_open(data + filler + END, side)) for filler in (b"", *FILLERS))
    return all(np.array_equal(first, other) for other in others)
