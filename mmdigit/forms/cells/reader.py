"""Each box of a flattened page as the model's 28x28 bytes, or why there is no digit to read.

The printed frame is masked where it is known to be. Ink belongs to the box that holds most of its stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.cells.frame_masks import mask_frames
from mmdigit.forms.cells.mnist_layout import as_mnist
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.registration.upright import turned_upright
from mmdigit.forms.template.layout import Rect, Slot
from mmdigit.reading.image.crossed_out import CrossedOutDetector

CellState = Literal["digit", "blank", "over_full", "crossed_out"]

AROUND_MM = 1.0  # of ink outside a box that is looked at
BLANK_MM2 = 0.6  # less ink than that is none; a short, thin 1 has 1.5
SPECK_MM2 = 0.12
OVER_FULL = 0.6  # of the box's area
MOST_OF_STROKE = 0.75  # of its ink makes a stroke one box's alone; else it is cut between the boxes
THROUGH = 3  # boxes that a stroke reaches into is a stamp's or a strike-out; empty is a box with nothing else in it
STRAIGHT_MM = 0.4  # standard deviation of a straight stroke's ink across it, at most
MIN_INK = 0.13  # darkness; fainter is paper
LEAST_INSIDE = 0.5  # of a stroke's ink, within the box of a free field that it belongs to
INK_SHARE = 0.38  # of the page's usual ink


@dataclass(frozen=True, eq=False)
class Cell:
    """One box. image: (28, 28), uint8, 255 = ink, as the model wants it; all 0 unless state is digit or crossed_out.
    ink_mm2: how much of the box is written on. line: of a free field whose state is digit, its darkness, (height,
    width) at PX_PER_MM."""

    slot: Slot
    index: int
    state: CellState
    image: NDArray[np.uint8]
    ink_mm2: float
    line: Darkness | None = None

    @property
    def is_digit(self) -> bool:
        """Whether the model is to read it as one digit: neither a check mark nor a free field."""
        return self.state == "digit" and self.slot.field.type != "check" and not self.slot.field.free

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
        return cls(slot, mask_frames(strip.copy(), boxes, slot.field.groups) if slot.framed else strip, boxes)

    def cells(self, threshold: float) -> list[Cell]:
        inked = (self.ink > threshold).astype(np.uint8)
        owners, through = self._owners(inked)
        return [self._cell(index, owners == index, through, threshold) for index in range(len(self.boxes))]

    def _owners(self, inked: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(height, width) each: the number of the box that each inked pixel belongs to, -1 = none; and whether its
        stroke goes through THROUGH boxes."""
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
        owner = np.where((places == 0) | specks[places], -1, owner)
        return owner, ((table > 0).sum(axis=1) >= THROUGH)[places]

    def _cell(self, index: int, mine: NDArray[np.bool_], through: NDArray[np.bool_], threshold: float) -> Cell:
        box = self.boxes[index]
        within = np.s_[_span(box.top, box.bottom), _span(box.left, box.right)]
        inside = mine[within]
        ink_mm2 = float(inside.sum()) / PX_PER_MM**2
        blank = np.zeros((28, 28), np.uint8)
        if ink_mm2 < BLANK_MM2 or (through[within][inside].all() and _is_straight(inside)):
            return Cell(self.slot, index, "blank", blank, ink_mm2)
        if inside.mean() > OVER_FULL:
            return Cell(self.slot, index, "over_full", blank, ink_mm2)
        if self.slot.field.free:
            return Cell(self.slot, index, "digit", blank, ink_mm2, self._line(box, threshold))
        left, top, width, height = cv2.boundingRect(mine.view(np.uint8))
        around = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
        near = cv2.dilate(mine[around].view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        full = float(np.percentile(self.ink[mine], 75))
        low = 0.5 * threshold
        ink = np.clip((self.ink[around] - low) / max(full - low, 1e-3), 0, 1) * near
        return Cell(self.slot, index, "digit", as_mnist(np.asarray(ink, np.float32)), ink_mm2)

    def _line(self, box: Rect, threshold: float) -> Darkness:
        """The strip without strokes that lie mostly outside of the box: labels, and writing above, below and beside."""
        count, labelled, stats, _ = cv2.connectedComponentsWithStats((self.ink > threshold).view(np.uint8))
        inside = labelled[_span(box.top, box.bottom), _span(box.left, box.right)]
        share = np.bincount(inside.ravel(), minlength=count) / stats[:, cv2.CC_STAT_AREA]
        others = (share < LEAST_INSIDE)[labelled] & (labelled > 0)
        others = cv2.dilate(others.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
        return np.where(others, np.float32(0), self.ink)


def _threshold(strips: Sequence[_Strip]) -> float:
    """Darkness from which something is ink, for the whole page: one pen writes it, or a few."""
    peaks = [
        float(np.percentile(strip.ink[:, _span(box.left, box.right)], 97)) for strip in strips for box in strip.boxes
    ]
    written = [peak for peak in peaks if peak > 1.5 * MIN_INK]
    return max(MIN_INK, INK_SHARE * float(np.median(written))) if written else MIN_INK


def _is_straight(inked: NDArray[np.bool_]) -> bool:
    """Whether it is one straight stroke."""
    across = np.linalg.eigvalsh(np.cov(np.argwhere(inked).T))[0]
    return bool(across <= (STRAIGHT_MM * PX_PER_MM) ** 2)


def _span(start: float, end: float) -> slice:
    return slice(max(0, round(start)), max(0, round(end)))
