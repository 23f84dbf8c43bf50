"""A field whose boxes stand aslant on the page, turned upright."""

from dataclasses import replace

import cv2
import numpy as np

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.template.layout import Rect, Slot, turned


def turned_upright(darkness: Darkness, slot: Slot, fit: FrameFit, around_mm: float) -> tuple[Darkness, Slot]:
    """What is on the page within around_mm of a field's boxes, and the field with upright boxes in that raster.

    The frames' offset is applied: the boxes are where the slot says. What lies outside the page is paper.
    """
    first, last = slot.boxes[0], slot.boxes[-1]
    left, top = first.left - around_mm, first.top - around_mm
    width, height = last.right - first.left + 2 * around_mm, first.bottom - first.top + 2 * around_mm
    pivot = np.array([first.left, first.top])
    corners = np.array([(0, 0), (width, 0), (0, height)])  # of the raster, millimetres
    places = pivot + turned(corners - around_mm, slot.turn_deg) + np.array(fit.offset_mm)
    # The middle of pixel i lies at (i + 0.5) / PX_PER_MM, in the page and in the raster.
    there, here = (places * PX_PER_MM - 0.5).astype(np.float32), (corners * PX_PER_MM - 0.5).astype(np.float32)
    size = (round(width * PX_PER_MM), round(height * PX_PER_MM))
    seen = cv2.warpAffine(
        darkness, cv2.getAffineTransform(here, there), size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    boxes = tuple(Rect(box.left - left, box.top - top, box.right - left, box.bottom - top) for box in slot.boxes)
    return np.asarray(seen, np.float32), replace(slot, boxes=boxes, turn_deg=0.0)
