"""Each box of a flattened page as the model's 28x28 bytes, or why there is no digit to read.

The printed frame is masked where it is known to be: what crosses a line goes on through the mask, the line itself does
not. Ink belongs to the box that holds most of its stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.flattening import PX_PER_MM, Darkness
from mmdigit.forms.frames import FrameFit
from mmdigit.forms.layout import Rect, Slot
from mmdigit.forms.upright import turned_upright
from mmdigit.reading.image.crossed_out import CrossedOutDetector
from mmdigit.reading.image.normalize import lay_out

CellState = Literal["digit", "blank", "over_full", "crossed_out"]

AROUND_MM = 1.0  # of ink outside a box that is looked at
LINE_MM = 0.42  # to each side of a frame's line is masked
MARK_MM = 1.1  # to each side of a printed comma, dot or colon
BLANK_MM2 = 0.6  # less ink than that is none; a short, thin 1 has 1.5
SPECK_MM2 = 0.12
OVER_FULL = 0.6  # of the box's area
MOST_OF_STROKE = 0.75  # of its ink makes a stroke one box's alone; else it is cut between the boxes
MIN_INK = 0.13  # darkness; fainter is paper
INK_SHARE = 0.38  # of the page's usual ink
SIDE, FAINT = 19.3, 0.15
"""Longest side of a digit in the 28x28, in pixels at half ink, and the ink that is set to 0: its soft edges then end
within 20 pixels, and the general decoder passes 97 of 100 through as they are."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One box. image: (28, 28), uint8, 255 = ink, as the model wants it; all 0 unless state is digit or crossed_out.
    ink_mm2: how much of the box is written on."""

    slot: Slot
    index: int
    state: CellState
    image: NDArray[np.uint8]
    ink_mm2: float

    @property
    def is_digit(self) -> bool:
        """Whether the model is to read it: a digit, and no check mark."""
        return self.state == "digit" and self.slot.field.type != "check"

    @property
    def content(self) -> bytes:
        """The job's image: 784 raw bytes."""
        return self.image.tobytes()


class CellReader:
    """Cuts the boxes out of flattened pages."""

    def __init__(self) -> None:
        self._crossed_out = CrossedOutDetector.load()

    def read(self, darkness: Darkness, slots: Sequence[Slot], frames: Sequence[FrameFit]) -> list[list[Cell]]:
        """The cells of each field, in order."""
        strips = [_Strip.of(darkness, slot, fit) for slot, fit in zip(slots, frames, strict=True)]
        threshold = _threshold(strips)
        fields = [strip.cells(threshold) for strip in strips]
        written = [cell for cells in fields for cell in cells if cell.is_digit]
        if written:
            images = np.asarray(np.stack([cell.image for cell in written]) / np.float32(255), np.float32)
            crossed = {id(cell) for cell, out in zip(written, self._crossed_out.detect(images), strict=True) if out}
            fields = [
                [replace(cell, state="crossed_out") if id(cell) in crossed else cell for cell in cells]
                for cells in fields
            ]
        return fields


@dataclass(frozen=True, eq=False)
class _Strip:
    """A field's boxes and what is around them, frames masked. boxes: within the strip, in pixels."""

    slot: Slot
    ink: Darkness
    boxes: tuple[Rect, ...]

    @classmethod
    def of(cls, darkness: Darkness, slot: Slot, fit: FrameFit) -> "_Strip":
        if slot.turn_deg:
            field, (darkness, slot) = slot, turned_upright(darkness, slot, fit, AROUND_MM)
            return replace(cls.of(darkness, slot, FrameFit((0.0, 0.0), fit.contrast)), slot=field)
        bounds, (right, down) = slot.bounds.grown(AROUND_MM), fit.offset_mm
        height, width = darkness.shape
        left = max(0, round((bounds.left + right) * PX_PER_MM))
        top = max(0, round((bounds.top + down) * PX_PER_MM))
        end = min(width, round((bounds.right + right) * PX_PER_MM))
        bottom = min(height, round((bounds.bottom + down) * PX_PER_MM))
        boxes = tuple(
            Rect(
                (box.left + right) * PX_PER_MM - left, (box.top + down) * PX_PER_MM - top,
                (box.right + right) * PX_PER_MM - left, (box.bottom + down) * PX_PER_MM - top,
            )
            for box in slot.boxes
        )  # fmt: skip
        strip = darkness[top:bottom, left:end]
        return cls(slot, _masked(strip.copy(), boxes, slot.field.groups) if slot.framed else strip, boxes)

    def cells(self, threshold: float) -> list[Cell]:
        inked = (self.ink > threshold).astype(np.uint8)
        owners = self._owners(inked)
        return [self._cell(index, owners == index, threshold) for index in range(len(self.boxes))]

    def _owners(self, inked: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(height, width): the number of the box that each inked pixel belongs to, -1 = none."""
        count, labelled, stats, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
        places = np.array(labelled, np.int64)
        width = inked.shape[1]
        edges = [(before.right + after.left) / 2 for before, after in zip(self.boxes, self.boxes[1:], strict=False)]
        zones = np.searchsorted(np.array(edges), np.arange(width) + 0.5)
        n_boxes = len(self.boxes)
        pairs = (places * n_boxes + zones).ravel()
        table = np.bincount(pairs, minlength=count * n_boxes).reshape(count, n_boxes)
        area = np.maximum(table.sum(axis=1), 1)
        whole = table.max(axis=1) >= MOST_OF_STROKE * area
        owner = np.where(whole[places], table.argmax(axis=1)[places], np.broadcast_to(zones, places.shape))
        specks = stats[:, cv2.CC_STAT_AREA] < SPECK_MM2 * PX_PER_MM**2
        return np.where((places == 0) | specks[places], -1, owner)

    def _cell(self, index: int, mine: NDArray[np.bool_], threshold: float) -> Cell:
        box = self.boxes[index]
        inside = mine[_span(box.top, box.bottom), _span(box.left, box.right)]
        ink_mm2 = float(inside.sum()) / PX_PER_MM**2
        blank = np.zeros((28, 28), np.uint8)
        if ink_mm2 < BLANK_MM2:
            return Cell(self.slot, index, "blank", blank, ink_mm2)
        if inside.mean() > OVER_FULL:
            return Cell(self.slot, index, "over_full", blank, ink_mm2)
        left, top, width, height = cv2.boundingRect(mine.view(np.uint8))
        around = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
        near = cv2.dilate(mine[around].view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        full = float(np.percentile(self.ink[mine], 75))
        low = 0.5 * threshold
        ink = np.clip((self.ink[around] - low) / max(full - low, 1e-3), 0, 1) * near
        rows, columns = np.flatnonzero((ink > 0.3).any(axis=1)), np.flatnonzero((ink > 0.3).any(axis=0))
        digit = lay_out(np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32), SIDE)
        digit[digit < FAINT] = 0
        return Cell(self.slot, index, "digit", np.round(255 * digit).astype(np.uint8), ink_mm2)


def _threshold(strips: Sequence[_Strip]) -> float:
    """Darkness from which something is ink, for the whole page: one pen writes it, or a few."""
    peaks = [
        float(np.percentile(strip.ink[:, _span(box.left, box.right)], 97)) for strip in strips for box in strip.boxes
    ]
    written = [peak for peak in peaks if peak > 1.5 * MIN_INK]
    return max(MIN_INK, INK_SHARE * float(np.median(written))) if written else MIN_INK


def _masked(strip: Darkness, boxes: Sequence[Rect], groups: Sequence[int]) -> Darkness:
    """Each line of the frames bridged from side to side; printed marks between groups taken away."""
    reach = round(LINE_MM * PX_PER_MM)
    for box in boxes:
        for column in (box.left, box.right):
            _bridge(strip.T, column, reach, box.top - reach, box.bottom + reach)
    for box in boxes:
        for row in (box.top, box.bottom):
            _bridge(strip, row, reach, box.left - reach, box.right + reach)
    position = 0
    for size in groups[:-1]:
        position += size
        middle = (boxes[position - 1].right + boxes[position].left) / 2
        strip[:, _span(middle - MARK_MM * PX_PER_MM, middle + MARK_MM * PX_PER_MM)] = 0
    return strip


def _bridge(strip: Darkness, row: float, reach: int, start: float, end: float) -> None:
    """Replace the rows around a line by what lies above and below them, blended."""
    middle = round(row - 0.5)
    above, below = max(middle - reach - 1, 0), min(middle + reach + 1, strip.shape[0] - 1)
    if below - above < 2:
        return
    columns = _span(start, end)
    share = (np.arange(above + 1, below) - above)[:, None] / np.float32(below - above)
    strip[above + 1 : below, columns] = (1 - share) * strip[above, columns] + share * strip[below, columns]


def _span(start: float, end: float) -> slice:
    return slice(max(0, round(start)), max(0, round(end)))
