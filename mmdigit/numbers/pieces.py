"""Cuts the ink of a line into pieces from left to right: components, and parts of those that may hold several digits.

A cut is the path from top to bottom through the least ink: straight through a thin join, slanted between slanted
digits. There are more cuts than digits; which of them hold is for the lattice to decide.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Flags, Grey

# Fractions of the usual digit's height unless stated otherwise.
MIN_CUT_WIDTH = 0.45  # of a component that is cut at all
MIN_PART_WIDTH = 0.08  # between a cut and the component's ends, or another cut
CUT_INK = 0.6  # the most ink that a cut goes through
SIDEWAYS = 0.12  # pixels of ink that a step aside costs
VALLEY_DEPTH = 0.08  # of the outline between two strokes that touch
VALLEYS_APART = 0.7  # of the valleys that a cut joins, across
MAX_VALLEYS = 8  # of each outline
SPECK = 0.0025  # of the square of the height: the area of a piece that is dirt
MAX_CUTS = 6  # of a component one digit wide; a wider one has more
MAX_PIECES, MAX_CUTS_IN_ALL = 256, 64  # of a line, and of a component


@dataclass(frozen=True, eq=False)
class Pieces:
    """part_of: (height, width), the piece that each pixel belongs to, -1 = none; pieces go from left to right.
    boxes: (P, 4), left, top, right, bottom. area: (P,), inked pixels. component: (P,), what each was cut from.
    cut_ink: (P + 1,), the pixels of ink that the cuts between the pieces before and after each place go through."""

    part_of: NDArray[np.int32]
    boxes: NDArray[np.int64]
    area: NDArray[np.float64]
    component: NDArray[np.int64]
    cut_ink: NDArray[np.float64]


def cut_pieces(ink: Grey, inked: Flags, height: float) -> Pieces:
    """ink: (H, W), range [0, 1]; inked: where it is ink. height: of the line's usual digit, pixels."""
    _, labelled, stats, _ = cv2.connectedComponentsWithStats(inked.view(np.uint8), connectivity=8)
    part_of = np.full(ink.shape, -1, np.int32)
    masses: list[tuple[float, int]] = []
    component: list[int] = []
    joins: list[tuple[int, int, float]] = []
    number = 0
    for part in np.argsort(-stats[1:, cv2.CC_STAT_AREA]) + 1:
        left, top, wide, tall, size = (int(value) for value in stats[part])
        if size < SPECK * height**2 or number >= MAX_PIECES:
            break
        box = np.s_[top : top + tall, left : left + wide]
        mask = labelled[box] == part
        zones, crossed = _zones(np.where(mask, np.maximum(ink[box], 0.2), 0).astype(np.float32), mask, height)
        first = number
        for zone in range(len(crossed) + 1):
            mine = mask & (zones == zone)
            if not mine.any():
                crossed[max(0, zone - 1)] = 0.0  # two cuts that meet: nothing lies between them
                continue
            part_of[box][mine] = number
            columns = np.nonzero(mine)[1]
            masses.append((left + float(columns.mean()), number))
            component.append(int(part))
            if number > first:
                joins.append((number - 1, number, crossed[zone - 1]))
            number += 1
    order = np.array([each for _, each in sorted(masses)], np.int64)
    rank = np.empty(number + 1, np.int32)
    rank[order], rank[-1] = np.arange(number), -1
    part_of = rank[part_of]
    boxes, area = _boxes(part_of, number)
    cut_ink = np.zeros(number + 1)
    for a, b, crossed_px in joins:
        low, high = sorted((int(rank[a]), int(rank[b])))
        cut_ink[low + 1 : high + 1] += crossed_px
    return Pieces(part_of, boxes, area, np.array(component, np.int64)[order], cut_ink)


def _boxes(part_of: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    boxes = np.zeros((count, 4), np.int64)
    rows, columns = np.nonzero(part_of >= 0)
    parts = part_of[rows, columns]
    for side, (values, reduce, start) in enumerate(
        ((columns, np.minimum, 1 << 40), (rows, np.minimum, 1 << 40), (columns, np.maximum, -1), (rows, np.maximum, -1))
    ):
        found = np.full(count, start)
        reduce.at(found, parts, values)
        boxes[:, side] = found + (1 if side >= 2 else 0)
    return boxes, np.bincount(parts, minlength=count).astype(np.float64)


def _zones(ink: Grey, mask: Flags, height: float) -> tuple[NDArray[np.int64], list[float]]:
    """The part of a component that each of its pixels belongs to, and the ink that each cut between parts crosses."""
    tall, wide = ink.shape
    zones = np.zeros(ink.shape, np.int64)
    if wide < MIN_CUT_WIDTH * height or tall < 3:
        return zones, []
    (down, came_down), (up, came_up) = (_paths(each, each[:1].astype(np.float64)) for each in (ink, ink[::-1]))
    down, came_down, up, came_up = down[:, 0], came_down[:, 0], up[::-1, 0], came_up[::-1, 0]
    least = max(2, round(MIN_PART_WIDTH * height))
    most = min(MAX_CUTS_IN_ALL, round(MAX_CUTS * max(1.0, wide / height)))
    # Through each pixel goes a best path; those through the middle row and through two others are candidates.
    paths: list[NDArray[np.int64]] = []
    for row in dict.fromkeys((tall // 2, tall // 4, 3 * tall // 4)):
        through = down[row] + up[row] - ink[row]
        smooth = np.convolve(np.pad(through, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
        lowest = np.lib.stride_tricks.sliding_window_view(np.pad(smooth, 2, constant_values=np.inf), 5).min(axis=1)
        for column in np.flatnonzero((smooth <= lowest) & (through <= CUT_INK * height)):
            if least <= column < wide - least:
                paths.append(_trace(came_down, came_up, row, int(column)))
    paths += _between_valleys(ink, mask, height)
    candidates = [(float(ink[np.arange(tall), path].sum()), path) for path in paths]
    crossed: list[float] = []
    taken: list[NDArray[np.int64]] = []
    for cost, path in sorted(candidates, key=lambda each: each[0]):
        if cost > CUT_INK * height or len(taken) >= most:
            break
        if all(float(np.abs(path - other).mean()) >= least for other in taken):
            taken.append(path)
            crossed.append(cost)
    order = sorted(range(len(taken)), key=lambda each: float(taken[each].mean()))
    columns = np.arange(wide)
    for each in order:
        zones += columns[None, :] >= taken[each][:, None]
    return zones, [crossed[each] for each in order]


def _between_valleys(ink: Grey, mask: Flags, height: float) -> list[NDArray[np.int64]]:
    """Paths from a valley of the upper outline to one of the lower: two strokes may touch along some of their length,
    where a path through the least ink goes through a loop instead."""
    upper, lower = _valleys(mask, height)[:MAX_VALLEYS], _valleys(mask[::-1], height)[:MAX_VALLEYS]
    if not upper or not lower:
        return []
    outside = np.ones((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    outside[1:-1, 1:-1] = ~mask
    cv2.floodFill(outside, None, (0, 0), 2)
    ink = np.where(outside[1:-1, 1:-1] == 1, 1, ink).astype(np.float32)  # a loop is no way around a join
    start = np.full((len(upper), ink.shape[1]), np.inf)
    start[np.arange(len(upper)), upper] = ink[0, upper]
    down, came = _paths(ink, start)
    paths = []
    for number, column in enumerate(upper):
        for end in lower:
            if abs(end - column) <= VALLEYS_APART * height and np.isfinite(down[-1, number, end]):
                paths.append(_trace(came[:, number], came[:0, number], len(ink) - 1, end))
    return paths


def _valleys(mask: Flags, height: float) -> list[int]:
    """The columns where the upper outline is deepest between two rises, the deepest first."""
    depth = np.where(mask.any(axis=0), mask.argmax(axis=0), len(mask)).astype(np.float64)
    deeper = np.minimum(_drop(depth), _drop(depth[::-1])[::-1])
    window = max(3, round(2 * MIN_PART_WIDTH * height)) | 1
    highest = np.lib.stride_tricks.sliding_window_view(np.pad(depth, window // 2, constant_values=-1.0), window).max(
        axis=1
    )
    found = np.flatnonzero((depth >= highest) & (deeper >= VALLEY_DEPTH * height))
    return sorted((int(column) for column in found), key=lambda column: -deeper[column])


def _drop(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each column lies below the highest one before it."""
    return np.asarray(depth - np.minimum.accumulate(depth), np.float64)


def _paths(ink: Grey, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The least cost of a path from the first row to each pixel, its own ink included; and from where it came.

    start: (n, width), what n kinds of paths pay for their first pixel. Returns (height, n, width) each.
    """
    cost = np.empty((len(ink), *start.shape))
    came = np.zeros(cost.shape, np.int8)
    cost[0] = start
    around = np.full((3, len(start), start.shape[1]), np.inf)
    for row in range(1, len(ink)):
        before = cost[row - 1]
        around[0, :, 1:] = before[:, :-1] + SIDEWAYS
        around[1] = before
        around[2, :, :-1] = before[:, 1:] + SIDEWAYS
        came[row] = around.argmin(axis=0) - 1
        cost[row] = around.min(axis=0) + ink[row]
    return cost, came


def _trace(came_down: NDArray[np.int8], came_up: NDArray[np.int8], row: int, column: int) -> NDArray[np.int64]:
    """The column of the path in each row. came_down: whence a path came from the row above; came_up: from below."""
    path = np.empty(len(came_down), np.int64)
    path[row] = at = column
    for above in range(row, 0, -1):
        at += int(came_down[above, at])
        path[above - 1] = at
    at = column
    for below in range(row, len(path) - 1):
        at += int(came_up[below, at])
        path[below + 1] = at
    return path
