"""A small grey picture of a field, for the person who looks at it."""

import cv2
import numpy as np

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.registration.upright import turned_upright
from mmdigit.forms.template.layout import Slot
from schemas.errors import DataError

AROUND_MM = 1.5
CROP_PX_PER_MM = 4  # 100 dpi
GREYS = 8  # few, so that the picture stays small: about 1.5 KB for eight boxes
FAINT = 0.1  # darkness; less is shown as white paper
MAX_SIDE = 1_200  # pixels
MAX_CROP_BYTES = 64 * 1024


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
