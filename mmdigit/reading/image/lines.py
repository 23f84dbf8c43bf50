"""Removes the lines of printed boxes and ruled paper from a crop without cutting the digit.

A line is straight, nearly parallel to a side of the crop, sharp on both of its own sides, and runs from edge to edge of
the crop or from line to line. The search shears the image along a few slopes and counts the ink of each column: a
Hough transform for nearly upright lines, then for those of the transposed image.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Flags, Grey

LINE_SLOPES = np.tan(np.deg2rad((0.0, -0.75, 0.75, -1.5, 1.5, -2.2, 2.2, -3.0, 3.0, -4.0, 4.0)))  # the flattest first
# Fractions of the image's side unless stated otherwise.
MIN_LINE_LENGTH = 0.58  # inked along the middle of the line
MIN_BOX_SIDE = 0.4  # the same for the sides of a whole box
MIN_COVER = 0.75  # of the line's own length is inked
MAX_BOX_LINE_WIDTH = 0.16
MAX_RULE_WIDTH = 0.07  # of a line to write on
END_GAP = 0.03  # from the line's end to the edge of the image or to a crossing line
EDGE_ZONE = 0.24  # a line within this distance of an edge is a box line; elsewhere it counts only beside a digit


class _Line(NamedTuple):
    """A line down the image, or down the transposed image if not upright: columns start:stop, rows top:bottom."""

    start: int
    stop: int
    slope: float
    top: float
    bottom: float
    upright: bool

    def distance(self, size: int) -> float:
        """To the nearest edge of the image, as a fraction of its side."""
        middle = (self.start + self.stop) / 2
        return min(middle, size - middle) / size


def remove_lines(ink: Grey, floor: float) -> tuple[Grey, bool]:
    """Remove the lines of boxes and ruled paper, and rejoin the strokes that cross them.

    ink: (height, width), range [0, 1], 1 = ink. floor: fainter ink is the grain of the paper.
    Returns the ink, and whether there was a box line. Runs twice: dark lines hide fainter ones.
    """
    had_lines = False
    for _ in range(2):
        outer, inner = _find_lines(ink > max(0.5 * otsu(ink), 0.6 * floor))
        cleared = _erase(ink, outer)
        if inner:
            # A one may also run from edge to edge: these are lines only if a digit as dark remains without them.
            remaining = _erase(ink, outer + inner)
            darkness = max(_darkness(ink, line) for line in inner)
            if _has_digit_size(remaining > max(0.5 * otsu(remaining), 0.6 * floor, 0.5 * darkness)):
                cleared = remaining
        had_lines = had_lines or bool(outer)
        if cleared is ink:
            break
        ink = cleared
    return ink, had_lines


def _find_lines(inked: Flags) -> tuple[list[_Line], list[_Line]]:
    """The lines near the edges, and those through the middle, that run from edge to edge or from line to line."""
    flags = inked.astype(np.uint8)
    height, width = flags.shape
    found = _upright_lines(flags, True) + _upright_lines(np.ascontiguousarray(flags.T), False)
    outer: list[_Line] = []
    inner: list[_Line] = []
    for line in found:
        across, along = (width, height) if line.upright else (height, width)
        crossing_at = [
            (other.start + other.stop) / 2
            for other in found
            if other.upright != line.upright and other.distance(along) <= EDGE_ZONE
        ]
        reach = max(2.0, END_GAP * along)
        to_edges = line.top <= reach, line.bottom >= along - reach
        to_lines = (
            any(-2 * reach <= at - line.top <= EDGE_ZONE * along for at in crossing_at),
            any(-2 * reach <= line.bottom - at <= EDGE_ZONE * along for at in crossing_at),
        )
        long = line.bottom - line.top >= MIN_LINE_LENGTH * along
        if line.distance(across) <= EDGE_ZONE and long:
            if (to_edges[0] or to_lines[0]) and (to_edges[1] or to_lines[1]):
                outer.append(line)
        elif all(to_edges) and line.stop - line.start <= MAX_RULE_WIDTH * across:
            inner.append(line)
    outer += [line for line in _box_sides(found) if line not in outer]
    return outer, inner


def _box_sides(found: list[_Line]) -> list[_Line]:
    """The four sides of a box that is wholly inside the image, which end at one another; an empty list if none."""
    upright, flat = ([line for line in found if line.upright is flag] for flag in (True, False))
    if len(upright) < 2 or len(flat) < 2:
        return []
    sides = [min(upright), max(upright), min(flat), max(flat)]
    for line in sides:
        first, last = sides[2:] if line.upright else sides[:2]
        near = 0.07 * (last.stop - first.start) + 2
        if abs(line.top - first.start) > near or abs(line.bottom - last.stop) > near:
            return []
    return sides


def _darkness(ink: Grey, line: _Line) -> float:
    """How dark a line is where no stroke covers it: strokes only raise the upper percentiles."""
    return float(np.percentile(np.where(_band(ink.shape, line), ink, 0).max(axis=1 if line.upright else 0), 30))


def _has_digit_size(inked: Flags) -> bool:
    count, _, stats, _ = cv2.connectedComponentsWithStats(inked.astype(np.uint8), connectivity=8)
    if count < 2:
        return False
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    return bool(sides.max() > 0.2 * max(inked.shape))


def _shear_offsets(height: int) -> NDArray[np.int64]:
    """How far left each row moves, so that a line of each slope becomes upright: (len(LINE_SLOPES), height)."""
    return np.asarray(np.floor(LINE_SLOPES[:, None] * (height / 2 - np.arange(height)) + 0.5), np.int64)


def _column_cover(inked: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The inked share of each column, sheared by each slope: (len(LINE_SLOPES), width). Counts inked pixels: few."""
    height, width = inked.shape
    offsets = _shear_offsets(height)
    margin = int(offsets.max(initial=0)) + 1
    rows, columns = np.nonzero(inked)
    span = width + 2 * margin
    sheared = columns + margin - offsets[:, rows] + span * np.arange(len(offsets))[:, None]
    counts = np.bincount(sheared.ravel(), minlength=span * len(offsets)).reshape(len(offsets), span)
    return np.asarray(counts[:, margin : margin + width] / height)


def _shear(inked: NDArray[np.uint8], slope: int) -> NDArray[np.uint8]:
    """Shear so that a line of LINE_SLOPES[slope] becomes upright; what moves in is paper."""
    height, width = inked.shape
    columns = np.arange(width) + _shear_offsets(height)[slope][:, None]
    inside = (columns >= 0) & (columns < width)
    return np.where(inside, inked[np.arange(height)[:, None], columns.clip(0, width - 1)], 0)


def _upright_lines(inked: NDArray[np.uint8], upright: bool) -> list[_Line]:
    """Straight runs of ink down the image, each along the slope that covers it best."""
    width = inked.shape[1]
    covers = _column_cover(inked)
    lines: list[_Line] = []
    free = np.ones(width, bool)
    for _ in range(12):
        best = np.where(free, covers.max(axis=0), 0)
        column = int(best.argmax())
        if best[column] < MIN_BOX_SIDE:
            break
        slope = int(covers[:, column].argmax())
        cover = covers[slope]
        start, stop = column, column + 1
        while start > 0 and cover[start - 1] > 0.5 * best[column]:
            start -= 1
        while stop < width and cover[stop] > 0.5 * best[column]:
            stop += 1
        free[max(0, start - 3) : stop + 3] = False
        beside = max(cover[start - 3] if start >= 3 else 0, cover[stop + 2] if stop + 2 < width else 0)
        if stop - start > max(2, MAX_BOX_LINE_WIDTH * width) or beside > 0.35 * best[column]:
            continue
        run = _shear(inked, slope)[:, start:stop].max(axis=1)
        rows = np.flatnonzero(run)
        if run[rows[0] : rows[-1] + 1].mean() < MIN_COVER:
            continue
        lines.append(_Line(start, stop, float(LINE_SLOPES[slope]), float(rows[0]), float(rows[-1] + 1), upright))
    return lines


def _erase(ink: Grey, lines: list[_Line]) -> Grey:
    """Erase the lines, but keep strokes that cross them: ink on both sides, or far darker than the line."""
    if not lines:
        return ink
    bands = [_band(ink.shape, line) for line in lines]
    empty = np.zeros(ink.shape, bool)
    clear = np.where(np.any(bands, axis=0), 0, ink).astype(np.float32)
    upright, flat = (
        np.any([band for line, band in zip(lines, bands, strict=True) if line.upright is flag] or [empty], axis=0)
        for flag in (True, False)
    )
    corners = upright & flat  # dark because two lines cross, not because of a stroke
    crossing = np.zeros_like(ink)
    for line, band in zip(lines, bands, strict=True):
        level = _darkness(ink, line)
        across = _crossing(clear, line) if line.upright else _crossing(np.ascontiguousarray(clear.T), line).T
        dark = ink > 1.6 * level + 0.05
        crossing = np.where(
            band & ~corners, np.maximum(crossing, np.where(dark, ink, np.minimum(ink, across))), crossing
        )
    return np.asarray(np.maximum(clear, crossing), np.float32)


def _edges(shape: tuple[int, ...], line: _Line) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and last column of a line with its blurred edges, for each row of an image where it is upright."""
    height, width = shape
    middle = -line.slope * (np.arange(height) - height / 2)
    blur = 1 + round(0.012 * width)
    return (
        np.floor(line.start + middle).astype(np.int64) - blur,
        np.ceil(line.stop + middle).astype(np.int64) + blur,
    )


def _band(shape: tuple[int, ...], line: _Line) -> Flags:
    """The pixels of a line with its blurred edges."""
    height, width = shape if line.upright else shape[::-1]
    start, stop = _edges((height, width), line)
    columns = np.arange(width)
    band = (columns >= start[:, None]) & (columns < stop[:, None])
    return band if line.upright else band.T


def _crossing(clear: Grey, line: _Line) -> Grey:
    """The ink on both sides of an upright line, (height, 1), where strokes may cross it at a slant."""
    height, width = clear.shape
    start, stop = _edges(clear.shape, line)
    slant = np.ones((2 * int(stop[0] - start[0]) // 2 | 1, 1), np.uint8)
    sides = []
    for columns in ((start - 1, start - 3), (stop, stop + 2)):
        values = np.zeros(height, np.float32)
        for column in columns:
            inside = (column >= 0) & (column < width)
            values = np.maximum(values, np.where(inside, clear[np.arange(height), np.clip(column, 0, width - 1)], 0))
        sides.append(np.asarray(cv2.dilate(values[:, None].astype(np.float32), slant), np.float32))
    return np.minimum(*sides)


def otsu(values: Grey) -> float:
    """The threshold that best separates the values into two groups (Otsu 1979). values: (H, W), >= 0."""
    highest = max(float(values.max()), 1e-6)
    steps = np.asarray(values * (255 / highest), np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_OTSU)
    return (threshold + 0.5) * highest / 255
