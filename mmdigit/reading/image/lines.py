"""Lines of printed boxes and of writing paper: found in a crop, and taken away without cutting the digit.

A line is straight, nearly parallel to a side, sharp on both of its sides, and goes from edge to edge of the crop or
from line to line. It is sought along a few slopes by how much of each sheared column is inked (a Hough transform of
lines that are nearly upright, then of the transposed picture).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Flags, Grey

# In parts of the picture's side.
LINE_SLOPES = np.tan(np.deg2rad((0.0, -0.75, 0.75, -1.5, 1.5, -2.2, 2.2, -3.0, 3.0, -4.0, 4.0)))  # the least first
LINE_PEAK = 0.58  # of the picture's side is inked along its middle
FRAME_PEAK = 0.4  # the same for the sides of a whole box
LINE_COVER = 0.75  # of its own length is inked
LINE_WIDTH = 0.16  # at most, of a box
RULE_WIDTH = 0.07  # at most, of a line to write on
LINE_END = 0.03  # its ends lie so near to the edge of the picture, or to a line across
EDGE_ZONE = 0.24  # nearer to an edge than this it is a box line; between, it needs a digit beside it


class _Line(NamedTuple):
    """A line down the picture, or if not upright down the transposed one: columns start to stop, rows top to bottom."""

    start: int
    stop: int
    slope: float
    top: float
    bottom: float
    upright: bool

    def distance(self, size: int) -> float:
        """To the nearer edge of the picture, in parts of its side."""
        middle = (self.start + self.stop) / 2
        return min(middle, size - middle) / size


def without_lines(ink: Grey, floor: float) -> tuple[Grey, bool]:
    """The ink without the lines of boxes and writing paper; strokes that cross them are joined again.

    ink: (height, width), range [0, 1], 1 = ink. floor: fainter ink is grain of the paper.
    Returns it, and whether a box line was there. Looks twice: dark lines hide fainter ones.
    """
    had_lines = False
    for _ in range(2):
        outer, inner = _lines(ink > max(0.5 * otsu(ink), 0.6 * floor))
        cleared = _erased(ink, outer)
        if inner:
            # A digit one may run from edge to edge as well: only if a digit as dark is left, these are lines.
            alone = _erased(ink, outer + inner)
            strength = max(_strength(ink, line) for line in inner)
            if _is_digit_sized(alone > max(0.5 * otsu(alone), 0.6 * floor, 0.5 * strength)):
                cleared = alone
        had_lines = had_lines or bool(outer)
        if cleared is ink:
            break
        ink = cleared
    return ink, had_lines


def _lines(inked: Flags) -> tuple[list[_Line], list[_Line]]:
    """The lines near the edges, and those through the middle, that go from edge to edge or from line to line."""
    flags = inked.astype(np.uint8)
    height, width = flags.shape
    found = _upright_lines(flags, True) + _upright_lines(np.ascontiguousarray(flags.T), False)
    outer: list[_Line] = []
    inner: list[_Line] = []
    for line in found:
        across, along = (width, height) if line.upright else (height, width)
        places = [
            (other.start + other.stop) / 2
            for other in found
            if other.upright != line.upright and other.distance(along) <= EDGE_ZONE
        ]
        reach = max(2.0, LINE_END * along)
        to_edges = line.top <= reach, line.bottom >= along - reach
        to_lines = (
            any(-2 * reach <= place - line.top <= EDGE_ZONE * along for place in places),
            any(-2 * reach <= line.bottom - place <= EDGE_ZONE * along for place in places),
        )
        long = line.bottom - line.top >= LINE_PEAK * along
        if line.distance(across) <= EDGE_ZONE and long:
            if (to_edges[0] or to_lines[0]) and (to_edges[1] or to_lines[1]):
                outer.append(line)
        elif all(to_edges) and line.stop - line.start <= RULE_WIDTH * across:
            inner.append(line)
    outer += [line for line in _frame(found) if line not in outer]
    return outer, inner


def _frame(found: list[_Line]) -> list[_Line]:
    """The four sides of a box that lies wholly in the picture: two lines each way that end at one another, or none."""
    upright, flat = ([line for line in found if line.upright is way] for way in (True, False))
    if len(upright) < 2 or len(flat) < 2:
        return []
    sides = [min(upright), max(upright), min(flat), max(flat)]
    for line in sides:
        first, last = sides[2:] if line.upright else sides[:2]
        near = 0.07 * (last.stop - first.start) + 2
        if abs(line.top - first.start) > near or abs(line.bottom - last.stop) > near:
            return []
    return sides


def _strength(ink: Grey, line: _Line) -> float:
    """How dark a line is where no digit lies over it: most strokes are on the dark side of its middle."""
    return float(np.percentile(np.where(_band(ink.shape, line), ink, 0).max(axis=1 if line.upright else 0), 30))


def _is_digit_sized(inked: Flags) -> bool:
    count, _, stats, _ = cv2.connectedComponentsWithStats(inked.astype(np.uint8), connectivity=8)
    if count < 2:
        return False
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    return bool(sides.max() > 0.2 * max(inked.shape))


def _moved(height: int) -> NDArray[np.int64]:
    """(len(LINE_SLOPES), height): how far left each row is moved, so that a line of that slope stands upright."""
    moved = np.floor(LINE_SLOPES[:, None] * (height / 2 - np.arange(height)) + 0.5)
    return np.asarray(moved, np.int64)


def _covers(inked: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(len(LINE_SLOPES), width): how much of each sheared column is inked. Counts the inked pixels: they are few."""
    height, width = inked.shape
    moved = _moved(height)
    margin = int(moved.max(initial=0)) + 1
    rows, columns = np.nonzero(inked)
    span = width + 2 * margin
    places = columns + margin - moved[:, rows] + span * np.arange(len(moved))[:, None]
    counts = np.bincount(places.ravel(), minlength=span * len(moved)).reshape(len(moved), span)
    return np.asarray(counts[:, margin : margin + width] / height)


def _sheared(inked: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Each row moved so that a line of that one of LINE_SLOPES stands upright; what moves in is paper."""
    height, width = inked.shape
    columns = np.arange(width) + _moved(height)[turn][:, None]
    inside = (columns >= 0) & (columns < width)
    return np.where(inside, inked[np.arange(height)[:, None], columns.clip(0, width - 1)], 0)


def _upright_lines(inked: NDArray[np.uint8], upright: bool) -> list[_Line]:
    """Straight runs of ink down the picture, whichever of LINE_SLOPES covers them best."""
    width = inked.shape[1]
    covers = _covers(inked)
    lines: list[_Line] = []
    free = np.ones(width, bool)
    for _ in range(12):
        best = np.where(free, covers.max(axis=0), 0)
        column = int(best.argmax())
        if best[column] < FRAME_PEAK:
            break
        turn = int(covers[:, column].argmax())
        cover = covers[turn]
        start, stop = column, column + 1
        while start > 0 and cover[start - 1] > 0.5 * best[column]:
            start -= 1
        while stop < width and cover[stop] > 0.5 * best[column]:
            stop += 1
        free[max(0, start - 3) : stop + 3] = False
        beside = max(cover[start - 3] if start >= 3 else 0, cover[stop + 2] if stop + 2 < width else 0)
        if stop - start > max(2, LINE_WIDTH * width) or beside > 0.35 * best[column]:
            continue
        run = _sheared(inked, turn)[:, start:stop].max(axis=1)
        rows = np.flatnonzero(run)
        if run[rows[0] : rows[-1] + 1].mean() < LINE_COVER:
            continue
        lines.append(_Line(start, stop, float(LINE_SLOPES[turn]), float(rows[0]), float(rows[-1] + 1), upright))
    return lines


def _erased(ink: Grey, lines: list[_Line]) -> Grey:
    """Without those lines. Where ink lies on both sides, or is far darker than the line, a stroke crosses and stays."""
    if not lines:
        return ink
    bands = [_band(ink.shape, line) for line in lines]
    empty = np.zeros(ink.shape, bool)
    clear = np.where(np.any(bands, axis=0), 0, ink).astype(np.float32)
    upright, flat = (
        np.any([band for line, band in zip(lines, bands, strict=True) if line.upright is way] or [empty], axis=0)
        for way in (True, False)
    )
    corners = upright & flat  # as dark as they are, no stroke is there
    crossing = np.zeros_like(ink)
    for line, band in zip(lines, bands, strict=True):
        level = _strength(ink, line)
        across = _crossing(clear, line) if line.upright else _crossing(np.ascontiguousarray(clear.T), line).T
        dark = ink > 1.6 * level + 0.05
        crossing = np.where(
            band & ~corners, np.maximum(crossing, np.where(dark, ink, np.minimum(ink, across))), crossing
        )
    return np.asarray(np.maximum(clear, crossing), np.float32)


def _edges(shape: tuple[int, ...], line: _Line) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a line and its blurred edges begin and end in each row of a picture in which it stands upright."""
    height, width = shape
    middle = -line.slope * (np.arange(height) - height / 2)
    blur = 1 + round(0.012 * width)
    return (
        np.floor(line.start + middle).astype(np.int64) - blur,
        np.ceil(line.stop + middle).astype(np.int64) + blur,
    )


def _band(shape: tuple[int, ...], line: _Line) -> Flags:
    """The pixels of a line and its blurred edges."""
    height, width = shape if line.upright else shape[::-1]
    start, stop = _edges((height, width), line)
    columns = np.arange(width)
    band = (columns >= start[:, None]) & (columns < stop[:, None])
    return band if line.upright else band.T


def _crossing(clear: Grey, line: _Line) -> Grey:
    """How much ink lies on both sides of an upright line, (height, 1): a stroke may cross it at a slant."""
    height, width = clear.shape
    start, stop = _edges(clear.shape, line)
    slant = np.ones((2 * int(stop[0] - start[0]) // 2 | 1, 1), np.uint8)
    sides = []
    for places in ((start - 1, start - 3), (stop, stop + 2)):
        values = np.zeros(height, np.float32)
        for place in places:
            inside = (place >= 0) & (place < width)
            values = np.maximum(values, np.where(inside, clear[np.arange(height), np.clip(place, 0, width - 1)], 0))
        sides.append(np.asarray(cv2.dilate(values[:, None].astype(np.float32), slant), np.float32))
    return np.minimum(*sides)


def otsu(values: Grey) -> float:
    """The threshold that best separates values of at least 0 into two groups (Otsu 1979)."""
    highest = max(float(values.max()), 1e-6)
    steps = np.asarray(values * (255 / highest), np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_OTSU)
    return (threshold + 0.5) * highest / 255
