"""What is written in a page's boxes, coarsely: whether the same sheet was scanned before.

A form that somebody else printed has no serial number, so its pages are kept with their handwriting. Two scans of one
sheet agree in every stroke's place; two sheets do not, even from one writer with the same digits.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.cells.reader import BLANK_MM2, MIN_INK
from mmdigit.forms.registration.flattening import PX_PER_MM
from mmdigit.forms.registration.upright import turned_upright
from mmdigit.forms.sheets.placing import PlacedPage

SIDE = 10  # values across and down a box: a stroke is about one wide
MOST_BOXES = 50  # of a page that are looked at, the first ones
MIN_BOXES = 5  # of them with writing; fewer may be alike by chance
SAME = 0.85  # correlation from which it is the same sheet
KEPT = 5_000  # sheets of a page that are remembered: 100 MB at most


def handwriting(placed: PlacedPage) -> bytes:
    """Of a flattened page without its print: (n_values,), int8, mean about 0, the largest 127 or -127; empty if too
    little is written."""
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
        return b""
    values = np.concatenate([box.ravel() for box in boxes])
    values -= values.mean()
    return np.asarray(np.round(127 * values / max(float(np.abs(values).max()), 1e-6)), np.int8).tobytes()


def alike(one: bytes, other: bytes) -> float:
    """Correlation of two sheets' handwriting."""
    return float(_unit(one) @ _unit(other))


class KnownSheets:
    """The sheets so far of each page of the form: at most KEPT, then the older half is forgotten."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[NDArray[np.float32], list[str]]] = {}

    def seen(self, page: int, written: bytes, place: str) -> str | None:
        """Where the same sheet was met before, None if it was not; it is known from now on, at that place.

        page: of the form. written: what handwriting says of it.
        """
        if not written:
            return None
        key = page, len(written)
        if key not in self._known:
            self._known[key] = np.zeros((KEPT, len(written)), np.float32), []
        sheets, places = self._known[key]
        values = _unit(written)
        found = sheets[: len(places)] @ values
        if found.size and found.max() >= SAME:
            return places[int(found.argmax())]
        if len(places) == KEPT:
            sheets[: KEPT // 2] = sheets[-(KEPT // 2) :]
            del places[: -(KEPT // 2)]
        sheets[len(places)] = values
        places.append(place)
        return None


def _unit(written: bytes) -> NDArray[np.float32]:
    values = np.frombuffer(written, np.int8).astype(np.float32)
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)
