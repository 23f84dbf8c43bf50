"""A page without what is printed in and around its fields: what the blank shows there is bridged from side to side.

Strokes that cross a printed line go on through it; the line itself is gone, however unevenly its boxes are drawn.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.adopt.blank import AROUND_FIELD_MM, BlankPage
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit

PRINT_INK = 0.15  # darkness of the blank from which something is printed
WIDER_PX = 2  # to each side of the print: 0.25 mm for a pen's and a scanner's spread


def without_print(darkness: Darkness, blank: BlankPage, frames: Sequence[FrameFit]) -> Darkness:
    """The flattened page, the print of each field taken away where the frames say that it is."""
    cleared = darkness.copy()
    side = 2 * WIDER_PX + 1
    spread = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    for slot, patch, frame in zip(blank.slots, blank.fields, frames, strict=True):
        area = slot.bounds.grown(AROUND_FIELD_MM)
        # As blank.cut() has it, moved by whole pixels.
        left, top = (
            max(0, round(place * PX_PER_MM)) + round(off * PX_PER_MM)
            for place, off in zip(area[:2], frame.offset_mm, strict=True)
        )
        printed = cv2.dilate((patch > PRINT_INK).astype(np.uint8), spread) > 0
        first = max(0, -top), max(0, -left)
        printed = printed[first[0] : darkness.shape[0] - top, first[1] : darkness.shape[1] - left]
        there = np.s_[max(0, top) : max(0, top) + printed.shape[0], max(0, left) : max(0, left) + printed.shape[1]]
        cleared[there] = _bridged(cleared[there], printed)
    return cleared


def _bridged(values: Darkness, printed: NDArray[np.bool_]) -> Darkness:
    """Each printed pixel between what lies beside it, or above and below it: whichever is nearer."""
    across, wide = _along_rows(values, printed)
    down, tall = (each.T for each in _along_rows(values.T, printed.T))
    return np.where(printed, np.where(wide < tall, across, down), values)


def _along_rows(values: Darkness, printed: NDArray[np.bool_]) -> tuple[Darkness, NDArray[np.intp]]:
    """The values of each row, printed runs bridged from end to end, and how far those ends are apart."""
    width = values.shape[1]
    columns = np.broadcast_to(np.arange(width), values.shape)
    before = np.maximum.accumulate(np.where(printed, -1, columns), axis=1)
    after = np.minimum.accumulate(np.where(printed, width, columns)[:, ::-1], axis=1)[:, ::-1]
    apart = np.maximum(after - before, 1)
    paper = np.pad(values, ((0, 0), (1, 1)))  # beyond the ends
    start = np.take_along_axis(paper, before + 1, axis=1)
    end = np.take_along_axis(paper, after + 1, axis=1)
    share = ((columns - before) / apart).astype(np.float32)
    return (1 - share) * start + share * end, apart
