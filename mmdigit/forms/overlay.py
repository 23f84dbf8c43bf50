"""A scan with the template's boxes drawn over it, as PNG: what the reader sees, for the person who made the form."""

import cv2
import numpy as np

from mmdigit.forms.layout import Rect, marker_rects, qr_rect
from mmdigit.forms.page import Pixels
from mmdigit.forms.placing import PlacedPage
from mmdigit.forms.registration import Registration

FOUND, NOT_FOUND, MARKER = (60, 160, 0), (0, 0, 220), (200, 120, 0)  # BGR
MAX_SIDE = 2_400  # pixels of the PNG
_PART = 4  # bits of a pixel's part that OpenCV draws to


def draw_overlay(pixels: Pixels, placed: PlacedPage) -> bytes:
    """PNG: boxes green where their frames are found, red where not; markers that are used, and the QR code, blue."""
    image = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    size_mm = placed.registration.size_mm
    rects = marker_rects(size_mm)
    for rect in (*(rects[marker] for marker in placed.registration.markers), qr_rect(size_mm)):
        _draw(image, placed.registration, rect, (0.0, 0.0), MARKER)
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        for box in slot.boxes:
            _draw(image, placed.registration, box, frame.offset_mm, FOUND if frame.found else NOT_FOUND)
    scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", image)[1])


def _draw(
    image: cv2.typing.MatLike,
    registration: Registration,
    rect: Rect,
    offset_mm: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    corners = np.array(
        [(rect.left, rect.top), (rect.right, rect.top), (rect.right, rect.bottom), (rect.left, rect.bottom)]
    )
    places = registration.to_pixels(corners + np.array(offset_mm))
    width = max(1, round(registration.px_per_mm / 5))
    cv2.polylines(image, [np.round(places * 2**_PART).astype(np.int32)], True, colour, width, cv2.LINE_AA, _PART)
