"""The boxes that are printed on a blank page: paper enclosed by lines, of a digit's size, in rows of equal ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.template.layout import turned
from mmdigit.forms.template.template import MAX_BOXES

LINE_INK = 0.15  # darkness from which something is a line
MIN_SIDE_MM, MAX_SIDE_MM = 3.0, 15.0
WIDEST = 1.4  # times its height: a wider box is for words
FULL = 0.9  # of the rectangle around it that a box fills, and of its inside that is paper
MAX_BOXES_FOUND = 2_000  # of a page
MAX_TURN_DEG = 15.0
ALIKE = 0.12  # by so much of a side boxes of a row may differ
ALIKE_DEG = 3.0
LEVEL_MM, PITCH_MM = 0.6, 0.4  # how far a box may be off its row's line, and off its pitch
APART = 0.6  # of the width: boxes farther apart are two rows
_LONGEST_LINE_MM = 1.5  # across: thicker ink around a box is no line


@dataclass(frozen=True)
class BoxRow:
    """Equal boxes side by side, edges in the middle of their lines. at_mm: the first one's top left corner. turn_deg:
    clockwise, around it."""

    at_mm: tuple[float, float]
    size_mm: tuple[float, float]
    pitch_mm: float
    count: int
    turn_deg: float


@dataclass(frozen=True, eq=False)
class _Box:
    """middle: (2,), millimetres. width, height: of the paper in it. line: how thick its line is."""

    middle: NDArray[np.float64]
    width: float
    height: float
    turn_deg: float
    line: float

    def beside(self, other: "_Box") -> tuple[float, float]:
        """How far right and down the other's middle is, as this box is turned."""
        right, down = turned(other.middle - self.middle, -self.turn_deg)
        return float(right), float(down)

    def continues(self, other: "_Box") -> bool:
        """Whether the other may be the next box of its row."""
        right, down = self.beside(other)
        return (
            abs(other.width - self.width) <= ALIKE * self.width
            and abs(other.height - self.height) <= ALIKE * self.height
            and abs(other.turn_deg - self.turn_deg) <= ALIKE_DEG
            and 0.9 * self.width <= right <= (1 + APART) * self.width + self.line
            and abs(down) <= LEVEL_MM
        )


def find_rows(darkness: Darkness) -> list[BoxRow]:
    """Every row of boxes on a blank page, from top to bottom."""
    boxes = sorted(_boxes(darkness), key=lambda box: float(box.middle[0]))
    rows = [_row(part) for chain in _chains(boxes) for part in _evenly_spaced(chain)]
    return sorted(rows, key=lambda row: (round(row.at_mm[1] / 4), row.at_mm[0]))


def _boxes(darkness: Darkness) -> Iterator[_Box]:
    ink = (darkness > LINE_INK).astype(np.uint8)
    inked = np.asarray(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    _, places, stats, _ = cv2.connectedComponentsWithStats(1 - inked, connectivity=4)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / PX_PER_MM
    fits = (sides.min(axis=1) >= MIN_SIDE_MM - 1) & (sides.max(axis=1) <= MAX_SIDE_MM * 1.2)
    for label in np.flatnonzero(fits)[:MAX_BOXES_FOUND]:
        left, top, width, height, area = stats[label]
        inside = np.pad((places[top : top + height, left : left + width] == label).astype(np.uint8), 1)
        outline = max(cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
        (x, y), (first, second), angle = cv2.minAreaRect(outline)
        turn = (angle + 45) % 90 - 45  # whichever of its sides OpenCV calls the first
        across, along = (first, second) if round((angle - turn) / 90) % 2 == 0 else (second, first)
        across, along = across + 1, along + 1  # the outline goes through the middles of pixels
        middle = np.array([left + x - 0.5, top + y - 0.5]) / PX_PER_MM
        if area < FULL * across * along or abs(turn) > MAX_TURN_DEG:
            continue
        line = _line_mm(inked, middle, across / PX_PER_MM, along / PX_PER_MM, turn)
        box = _Box(middle, across / PX_PER_MM, along / PX_PER_MM, turn, line)
        shape = (box.width + line, box.height + line)
        if line > 0 and min(shape) >= MIN_SIDE_MM and max(shape) <= MAX_SIDE_MM and shape[0] <= WIDEST * shape[1]:
            yield box


def _line_mm(
    inked: NDArray[np.uint8], middle: NDArray[np.float64], width: float, height: float, turn_deg: float
) -> float:  # fmt: skip
    """How thick the line around a box is; 0 if what is around it is no line."""
    steps = np.arange(0.5 / PX_PER_MM, _LONGEST_LINE_MM + 0.5, 1 / PX_PER_MM)
    share = np.linspace(-0.3, 0.3, 7)
    thick = []
    for sign in (-1, 1):
        for upright in (True, False):
            out = sign * ((width if upright else height) / 2 + steps)
            along = share * (height if upright else width)
            away, beside = np.meshgrid(out, along)
            offsets = np.stack([away, beside] if upright else [beside, away], axis=-1)
            points = np.floor((middle + turned(offsets, turn_deg)) * PX_PER_MM).astype(int)
            rows, columns = (np.clip(points[..., axis], 0, inked.shape[1 - axis] - 1) for axis in (1, 0))
            ink = inked[rows, columns] > 0  # (7, n_steps)
            ended = ~ink & (np.cumsum(ink, axis=1) > 0)
            thick += [float(run.sum()) if end.any() else np.inf
                      for run, end in zip(ink & (np.cumsum(ended, axis=1) == 0), ended, strict=True)]  # fmt: skip
    usual = float(np.median(thick)) / PX_PER_MM
    return usual if usual <= _LONGEST_LINE_MM else 0.0


def _chains(boxes: Sequence[_Box]) -> Iterator[list[_Box]]:
    """Each box with those that continue it. boxes: from left to right."""
    free = list(boxes)
    while free:
        chain = [free.pop(0)]
        while nearest := min(
            (box for box in free if chain[-1].continues(box)), key=lambda box: chain[-1].beside(box)[0], default=None
        ):
            free.remove(nearest)
            chain.append(nearest)
        yield chain


def _evenly_spaced(chain: Sequence[_Box]) -> Iterator[list[_Box]]:
    """The chain, parted where two boxes stand farther apart than the others, and after MAX_BOXES."""
    gaps = [box.beside(after)[0] for box, after in pairwise(chain)]
    part = [chain[0]]
    for box, gap in zip(chain[1:], gaps, strict=True):
        if gap > min(gaps) + PITCH_MM or len(part) == MAX_BOXES:
            yield part
            part = []
        part.append(box)
    yield part


def _row(boxes: Sequence[_Box]) -> BoxRow:
    middles = np.array([box.middle for box in boxes])
    line = float(np.median([box.line for box in boxes]))
    width = float(np.median([box.width for box in boxes])) + line
    height = float(np.median([box.height for box in boxes])) + line
    turn, pitch = float(boxes[0].turn_deg), width
    if len(boxes) > 1:
        along = middles[-1] - middles[0]
        turn, pitch = float(np.degrees(np.arctan2(along[1], along[0]))), float(np.linalg.norm(along)) / (len(boxes) - 1)
    turn = round(turn, 1)
    width = pitch if pitch < width + line else width  # neighbours share a line
    middle = middles.mean(axis=0)
    corner = middle - turned(np.array([(pitch * (len(boxes) - 1) + width) / 2, height / 2]), turn)
    return BoxRow((float(corner[0]), float(corner[1])), (width, height), pitch, len(boxes), turn)
