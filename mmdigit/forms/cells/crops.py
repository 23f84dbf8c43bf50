"""A small grey picture of a field, for the person who looks at it."""

import struct
from typing import NamedTuple

import cv2
import numpy as np

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.registration.upright import turned_upright
from mmdigit.forms.template.layout import Rect, Slot
from schemas.errors import DataError

AROUND_MM = 1.5
CROP_PX_PER_MM = 4  # 100 dpi
GREYS = 8  # few, so that the picture stays small: about 1.5 KB for eight boxes
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
FAINT = 0.1  # darkness; less is shown as white paper
MAX_SIDE = 1_200  # pixels
MAX_CROP_BYTES = 64 * 1024


class PixelBox(NamedTuple):
    """Of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


def crop_of(darkness: Darkness, slot: Slot, frame: FrameFit) -> bytes:
    """PNG, 8 bits grey, of the field's boxes, upright, and AROUND_MM around them, at most MAX_SIDE pixels a side."""
    if slot.turn_deg:
        darkness, slot = turned_upright(darkness, slot, frame, AROUND_MM)
        frame = FrameFit((0.0, 0.0), frame.contrast)
    bounds, (right, down) = slot.bounds.grown(AROUND_MM), frame.offset_mm
    rows = slice(*(max(0, round((side + down) * PX_PER_MM)) for side in (bounds.top, bounds.bottom)))
    columns = slice(*(max(0, round((side + right) * PX_PER_MM)) for side in (bounds.left, bounds.right)))
    strip = darkness[rows, columns]
    scale = min(CROP_PX_PER_MM / PX_PER_MM, MAX_SIDE / max(strip.shape))
    size = (max(1, round(strip.shape[1] * scale)), max(1, round(strip.shape[0] * scale)))
    small = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    small = np.where(small < FAINT, 0, small)
    grey = 255 - np.round(np.round(small * (GREYS - 1)) * (255 / (GREYS - 1))).astype(np.uint8)
    done, png = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, 0])
    if not done or png.size > MAX_CROP_BYTES:
        raise DataError(f"expected a picture of {slot.name} within {MAX_CROP_BYTES} bytes, got {png.size}; report it")
    return png.tobytes()


def boxes_in_crop(slot: Slot, page_mm: tuple[float, float], crop: bytes) -> tuple[PixelBox, ...]:
    """Where a field's boxes lie in its picture, as crop_of cuts it; none if the picture is no PNG.

    page_mm: width and height of the form's page. How far the frame was off does not matter: the picture goes with it.
    """
    size = _size_of(crop)
    if size is None:
        return ()
    first, last = slot.boxes[0], slot.boxes[-1]
    shown = Rect(first.left, first.top, last.right, first.bottom).grown(AROUND_MM)
    if not slot.turn_deg:  # what lies outside the page is cut off
        shown = Rect(
            max(0.0, shown.left), max(0.0, shown.top), min(page_mm[0], shown.right), min(page_mm[1], shown.bottom)
        )
    across, down = size[0] / (shown.right - shown.left), size[1] / (shown.bottom - shown.top)  # pixels a millimetre
    found = []
    for box in slot.boxes:
        left, right = (_within(size[0], (side - shown.left) * across) for side in (box.left, box.right))
        top, bottom = (_within(size[1], (side - shown.top) * down) for side in (box.top, box.bottom))
        found.append(PixelBox(left, top, right - left, bottom - top))
    return tuple(found)


def cut_box(crop: bytes, box: PixelBox, around_px: int = 3) -> bytes:
    """The picture of one box, PNG, with a little around it. Raises DataError if crop is no picture."""
    image = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_GRAYSCALE) if _size_of(crop) else None
    if image is None:
        raise DataError("expected a PNG of a field, got another content; restore the forms' database")
    rows = slice(max(0, box.top - around_px), box.top + box.height + around_px)
    columns = slice(max(0, box.left - around_px), box.left + box.width + around_px)
    done, png = cv2.imencode(".png", image[rows, columns], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise DataError(f"expected a picture of a box, got none of {box}; report it")
    return png.tobytes()


def _size_of(png: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None if it is no PNG, or a larger one than crop_of makes."""
    if len(png) < 24 or not png.startswith(_PNG_HEAD):
        return None
    width, height = struct.unpack(">II", png[16:24])
    return (width, height) if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE else None


def _within(size: int, place: float) -> int:
    return min(size, max(0, round(place)))
