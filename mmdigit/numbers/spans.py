"""The runs of neighbouring pieces of a line that may hold one digit: as the model's images, and what they look like."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.lattice import Floats
from mmdigit.numbers.pieces import Pieces
from mmdigit.reading.image.normalize import lay_out
from mmdigit.reading.image.pixels import Grey

# Fractions of the usual digit's height.
MAX_WIDTH, MIN_HEIGHT, MAX_HEIGHT = 1.6, 0.35, 1.9
MAX_PIECES_IN_SPAN = 9
NEAR = 0.3  # gaps to the neighbours count up to that

SHAPES = (
    "width", "width squared", "height", "height squared", "off the middle", "cut ink left", "cut ink right",
    "widest gap inside", "ink", "parts", "share of lesser parts", "others' ink within", "gap left", "gap right",
)  # fmt: skip
"""What a span looks like, as fractions of the usual digit's height: the columns of Spans.shapes."""


class Spans(NamedTuple):
    """first, last: (S,), the pieces first to last - 1. boxes: (S, 4), left, top, right, bottom, pixels of the line.
    shapes: (S, len(SHAPES))."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    boxes: NDArray[np.int64]
    shapes: Floats


def find_spans(pieces: Pieces, height: float) -> Spans:
    """At most MAX_PIECES_IN_SPAN for each piece. height: of the line's usual digit, pixels."""
    boxes = pieces.boxes
    count = len(boxes)
    middle = _middle(pieces)
    found: list[tuple[int, int]] = []
    outer: list[NDArray[np.int64]] = []
    shapes: list[list[float]] = []
    for first in range(count):
        for last in range(first + 1, min(count, first + MAX_PIECES_IN_SPAN) + 1):
            inside = boxes[first:last]
            left, top = inside[:, :2].min(axis=0)
            right, bottom = inside[:, 2:].max(axis=0)
            if right - left > MAX_WIDTH * height:
                if inside[-1, 0] - left > MAX_WIDTH * height:
                    break
                continue
            if not MIN_HEIGHT * height <= bottom - top <= MAX_HEIGHT * height:
                continue
            found.append((first, last))
            outer.append(np.array([left, top, right, bottom]))
            shapes.append(_shape(pieces, first, last, outer[-1], height, middle))
    pairs = np.array(found, np.int64).reshape(-1, 2)
    every = np.array(shapes, np.float64).reshape(-1, len(SHAPES))
    return Spans(pairs[:, 0], pairs[:, 1], np.array(outer, np.int64).reshape(-1, 4), every)


def _middle(pieces: Pieces) -> float:
    """Of the line, from top to bottom, pixels."""
    if not pieces.area.size:
        return 0.0
    return float(np.average((pieces.boxes[:, 1] + pieces.boxes[:, 3]) / 2, weights=pieces.area))


def _shape(pieces: Pieces, first: int, last: int, box: NDArray[np.int64], height: float, middle: float) -> list[float]:
    left, top, right, bottom = box.tolist()
    inside, area = pieces.boxes[first:last], pieces.area[first:last]
    wide, tall = (right - left) / height, (bottom - top) / height
    ends = np.maximum.accumulate(inside[:, 2])
    gap = float((inside[1:, 0] - ends[:-1]).max(initial=0)) / height
    parts = np.unique(pieces.component[first:last])
    largest = max(float(area[pieces.component[first:last] == part].sum()) for part in parts)
    around = [*range(max(0, first - 3), first), *range(last, min(len(pieces.boxes), last + 3))]
    others = sum(
        float(pieces.area[each]) * _share_within(pieces.boxes[each], left, right, top, bottom) for each in around
    )
    before = left - int(pieces.boxes[first - 1, 2]) if first else NEAR * height
    after = int(pieces.boxes[last, 0]) - right if last < len(pieces.boxes) else NEAR * height
    return [
        wide, wide**2, tall, tall**2, abs((top + bottom) / 2 - middle) / height,
        min(1.0, pieces.cut_ink[first] / height), min(1.0, pieces.cut_ink[last] / height), gap,
        float(area.sum()) / height**2, float(min(3, parts.size)), 1 - largest / float(area.sum()),
        others / float(area.sum()),
        float(np.clip(before / height, -NEAR, NEAR)), float(np.clip(after / height, -NEAR, NEAR)),
    ]  # fmt: skip


def _share_within(box: NDArray[np.int64], left: int, right: int, top: int, bottom: int) -> float:
    wide = max(0, min(right, int(box[2])) - max(left, int(box[0])))
    tall = max(0, min(bottom, int(box[3])) - max(top, int(box[1])))
    return wide * tall / max(1.0, float((box[2] - box[0]) * (box[3] - box[1])))


def lay_out_spans(ink: Grey, pieces: Pieces, spans: Spans) -> NDArray[np.float32]:
    """Each span's ink alone as the model's image, (S, 28, 28). ink: (height, width), of the line."""
    images = np.zeros((spans.first.size, 28, 28), np.float32)
    for row, (first, last, (left, top, right, bottom)) in enumerate(
        zip(spans.first.tolist(), spans.last.tolist(), spans.boxes.tolist(), strict=True)
    ):
        box = np.s_[top:bottom, left:right]
        part = pieces.part_of[box]
        images[row] = lay_out(np.where((part >= first) & (part < last), ink[box], 0).astype(np.float32))
    return images
