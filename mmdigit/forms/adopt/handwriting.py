"""What is written in a page's boxes, coarsely: whether the same sheet was scanned before.

A form that somebody else printed has no serial number. Two scans of one sheet agree in every stroke's place; two
sheets do not, even from one writer with the same digits.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.cells import BLANK_MM2, MIN_INK
from mmdigit.forms.flattening import PX_PER_MM
from mmdigit.forms.placing import PlacedPage
from mmdigit.forms.upright import turned_upright

Handwriting = NDArray[np.float32]
"""(n_values,): mean 0, length 1; empty if too little is written."""

SIDE = 10  # values across and down a box: a stroke is about one wide
MOST_BOXES = 50  # of a page that are looked at, the first ones
MIN_BOXES = 5  # of them with writing; fewer may be alike by chance
SAME = 0.85  # correlation from which it is the same sheet
KEPT = 5_000  # sheets that are remembered: 100 MB at most


def handwriting(placed: PlacedPage) -> Handwriting:
    """Of a flattened page without its print; empty if it has a serial number."""
    if placed.identity.serial:
        return np.zeros(0, np.float32)
    boxes: list[NDArray[np.float32]] = []
    written = 0
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        if len(boxes) >= MOST_BOXES:
            break
        raster, upright = turned_upright(placed.darkness, slot, frame, 0.0)
        for box in upright.boxes:
            left, top, right, bottom = (round(side * PX_PER_MM) for side in box)
            ink = raster[top:bottom, left:right]
            written += float((ink > MIN_INK).sum()) >= BLANK_MM2 * PX_PER_MM**2
            boxes.append(np.asarray(cv2.resize(ink, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32))
    if written < MIN_BOXES:
        return np.zeros(0, np.float32)
    values = np.concatenate([box.ravel() for box in boxes])
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


class KnownSheets:
    """The sheets of a stack so far, the last KEPT of each page. page: of the form."""

    def __init__(self) -> None:
        self._known: dict[int, deque[tuple[Handwriting, str]]] = {}

    def seen(self, page: int, written: Handwriting, place: str) -> str | None:
        """Where the same sheet was met before, None if it was not; it is known from now on, at that place."""
        if not written.size:
            return None
        known = self._known.setdefault(page, deque(maxlen=KEPT))
        for other, where in known:
            if float(other @ written) >= SAME:
                return where
        known.append((written, place))
        return None
