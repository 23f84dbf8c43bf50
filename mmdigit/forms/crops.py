"""A field's boxes cut out of a flattened page, for the person who looks at it."""

import cv2
import numpy as np

from mmdigit.forms.cells import AROUND_MM
from mmdigit.forms.flattening import PX_PER_MM, Darkness
from mmdigit.forms.frames import FrameFit
from mmdigit.forms.layout import Slot


def crop_of(darkness: Darkness, slot: Slot, fit: FrameFit) -> bytes:
    """A grey PNG of the field's boxes with AROUND_MM around them, paper white."""
    bounds, (right, down) = slot.bounds.grown(AROUND_MM), fit.offset_mm
    top, bottom = (max(0, round((side + down) * PX_PER_MM)) for side in (bounds.top, bounds.bottom))
    left, end = (max(0, round((side + right) * PX_PER_MM)) for side in (bounds.left, bounds.right))
    grey = np.round(255 * (1 - darkness[top:bottom, left:end])).astype(np.uint8)
    return bytes(cv2.imencode(".png", grey)[1])
