"""Removes the lines of printed boxes and ruled paper from a crop without cutting the digit.

A line is straight, nearly parallel to a side of the crop, sharp on both of its own sides, and runs from edge to edge of
the crop or from line to line. The search shears the image along a few slopes and counts the ink of each column: a
Hough transform for nearly upright lines, then for those of the transposed image.
"""

from functools import lru_cache
from typing import NamedTuple, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Flags, Grey
from mmdigit.reading.percentiles import percentile

LINE_SLOPES = np.tan(np.deg2rad((0.0, -0.75, 0.75, -1.5, 1.5, -2.2, 2.2, -3.0, 3.0, -4.0, 4.0)))  # the flattest first
# Fractions of the image's side unless stated otherwise.
MIN_LINE_LENGTH = 0.58  # inked along the middle of the line
MIN_BOX_SIDE = 0.4  # the same for the sides of a whole box
MIN_COVER = 0.75  # of the line's own length is inked
MAX_BOX_LINE_WIDTH = 0.16
MAX_RULE_WIDTH = 0.07  # of a line to write on
END_GAP = 0.03  # from the line's end to the edge of the image or to a crossing line
EDGE_ZONE = 0.24  # a line within this distance of an edge is a box line; elsewhere it counts only beside a digit

Level = TypeVar("Level", np.float32, np.uint8)


class _Line(NamedTuple):
    """A line down the image, or down the transposed image if not upright: columns start:stop, rows top:bottom."""

    start: int
    stop: int
    slope: float
    top: float
    bottom: float
    upright: bool

    @property
    def middle(self) -> float:
        return (self.start + self.stop) / 2

    def distance(self, size: int) -> float:
        """To the nearest edge of the image, as a fraction of its side."""
        return min(self.middle, size - self.middle) / size


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
    height, width = inked.shape
    flags = inked.view(np.uint8)
    found = _upright_lines(flags, True) + _upright_lines(_transposed(flags), False)
    near_edges = {
        flag: [line.middle for line in found if line.upright is flag and line.distance(size) <= EDGE_ZONE]
        for flag, size in ((True, width), (False, height))
    }
    outer: list[_Line] = []
    inner: list[_Line] = []
    for line in found:
        across, along = (width, height) if line.upright else (height, width)
        crossing_at = near_edges[not line.upright]
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


def _has_digit_size(inked: Flags) -> bool:
    count, _, stats, _ = cv2.connectedComponentsWithStats(inked.astype(np.uint8), connectivity=8)
    if count < 2:
        return False
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    return bool(sides.max() > 0.2 * max(inked.shape))


class _Shear(NamedTuple):
    """Each slope shears an image of one height in bands, whose rows move equally far to the left: N bands in all.

    starts, stops: of a band's rows, (N,). moves: of the bands, (N,), and row_moves of the rows, (len(LINE_SLOPES),
    height), counted from -margin. of_slope: 1 for the bands of each slope, (len(LINE_SLOPES), N).
    """

    starts: NDArray[np.intp]
    stops: NDArray[np.intp]
    moves: NDArray[np.intp]
    row_moves: NDArray[np.intp]
    of_slope: NDArray[np.float32]
    margin: int


@lru_cache(maxsize=128)
def _shear(height: int) -> _Shear:
    """So that a line of each slope becomes upright."""
    moves = np.floor(LINE_SLOPES[:, None] * (height / 2 - np.arange(height)) + 0.5).astype(np.intp)
    margin = int(np.abs(moves).max())
    slopes, starts = np.nonzero(np.diff(moves, axis=1, prepend=margin + 1))
    stops = np.where(np.diff(slopes, append=-1), height, np.roll(starts, -1))
    of_slope = (slopes == np.arange(len(LINE_SLOPES))[:, None]).astype(np.float32)
    return _Shear(starts, stops, moves[slopes, starts] + margin, moves + margin, of_slope, margin)


def _upright_lines(inked: NDArray[np.uint8], upright: bool) -> list[_Line]:
    """Straight runs of ink down the image, each along the slope that covers it best."""
    height, width = inked.shape
    shear = _shear(height)
    # sums[row, move, column]: the inked pixels above the row and left of the column, of an image moved left.
    sums = _sums(inked, shear.margin)
    bands = sums[shear.stops, shear.moves] - sums[shear.starts, shear.moves]
    summed = shear.of_slope @ bands
    counts = summed[:, 1:] - summed[:, :-1]  # inked pixels of each column, (len(LINE_SLOPES), width)
    best = counts.max(axis=0).astype(np.float64) / height
    lines: list[_Line] = []
    for _ in range(12):
        column = int(best.argmax())
        most = float(best[column])
        if most < MIN_BOX_SIDE:
            break
        slope = int(counts[:, column].argmax())
        cover = (counts[slope].astype(np.float64) / height).tolist()
        start, stop = column, column + 1
        while start > 0 and cover[start - 1] > 0.5 * most:
            start -= 1
        while stop < width and cover[stop] > 0.5 * most:
            stop += 1
        best[max(0, start - 3) : stop + 3] = 0
        beside = max(cover[start - 3] if start >= 3 else 0, cover[stop + 2] if stop + 2 < width else 0)
        if stop - start > max(2, MAX_BOX_LINE_WIDTH * width) or beside > 0.35 * most:
            continue
        inside = sums[:, :, stop] - sums[:, :, start]
        run = (inside[1:] - inside[:-1])[np.arange(height), shear.row_moves[slope]] > 0
        rows = run.nonzero()[0]
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        if rows.size / (bottom - top) < MIN_COVER:
            continue
        lines.append(_Line(start, stop, float(LINE_SLOPES[slope]), float(top), float(bottom), upright))
    return lines


def _sums(inked: NDArray[np.uint8], margin: int) -> NDArray[np.float32]:
    """The inked pixels above each row and left of each column of the image moved left by -margin to margin.

    Returns (height + 1, 2 * margin + 1, width + 1), a view. What moves in is paper.
    """
    height, width = inked.shape
    wide = cv2.copyMakeBorder(inked, 0, 0, margin, margin, cv2.BORDER_CONSTANT)
    sums = np.asarray(cv2.integral(wide, sdepth=cv2.CV_32F), np.float32)  # exact up to 2**24
    down, right = sums.strides
    return np.ndarray((height + 1, 2 * margin + 1, width + 1), np.float32, sums, strides=(down, right, right))


class _Band(NamedTuple):
    """The pixels of a line with its blurred edges, in an image turned so that the line runs along its rows."""

    starts: NDArray[np.intp]  # (width,), the first row of the line in each column
    stops: NDArray[np.intp]
    rows: slice  # those with any of its pixels
    inside: Flags  # (rows, width)

    @classmethod
    def of(cls, line: _Line, height: int, width: int) -> Self:
        first, last = _slant(line.slope, width)
        blur = 1 + round(0.012 * height)
        starts, stops = first + (int(line.start) - blur), last + (int(line.stop) + blur)
        rows = slice(max(0, int(min(starts[0], starts[-1]))), min(height, int(max(stops[0], stops[-1]))))
        places = np.arange(rows.start, rows.stop)[:, None]
        return cls(starts, stops, rows, (places >= starts) & (places < stops))

    def darkness(self, ink: Grey) -> float:
        """How dark the line is where no stroke covers it: strokes only raise the upper percentiles."""
        return percentile((ink[self.rows] * self.inside).max(axis=0), 30)

    def beside(self, framed: Grey) -> Grey:
        """The ink on both sides of the line, (width,), where strokes may cross it at a slant.

        framed: the ink with one more row of paper above and below.
        """
        height, width = framed.shape
        rows = np.stack([self.starts, self.stops + 1, self.starts - 2, self.stops + 3]).clip(0, height - 1)
        values = framed.ravel().take(rows * width + np.arange(width))
        slant = np.ones((1, int(self.stops[0] - self.starts[0]) | 1), np.uint8)
        above, below = cv2.dilate(np.maximum(values[:2], values[2:]), slant)
        return np.asarray(np.minimum(above, below), np.float32)


@lru_cache(maxsize=256)
def _slant(slope: float, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How far a line is from where it is in the middle of the image, rounded down and up, (length,) each."""
    offsets = -slope * (np.arange(length) - length / 2)
    return np.floor(offsets).astype(np.intp), np.ceil(offsets).astype(np.intp)


def _transposed(image: NDArray[Level]) -> NDArray[Level]:
    return np.asarray(cv2.transpose(image), image.dtype)


def _darkness(ink: Grey, line: _Line) -> float:
    turned = _transposed(ink) if line.upright else ink
    return _Band.of(line, *turned.shape).darkness(turned)


def _erase(ink: Grey, lines: list[_Line]) -> Grey:
    """Erase the lines, but keep strokes that cross them: ink on both sides, or far darker than the line."""
    if not lines:
        return ink
    shapes = ink.shape, ink.shape[::-1]
    flat, upright = ([_Band.of(line, *shapes[side]) for line in lines if line.upright == side] for side in (0, 1))
    across, down = _covered(flat, *shapes[0]), _transposed(_covered(upright, *shapes[1]))
    corners = across & down  # dark because two lines cross, not because of a stroke
    clear = ink * ((across | down) == 0)
    kept = _with_strokes(clear, ink, corners, flat)
    if upright:
        turned = _with_strokes(_transposed(clear), _transposed(ink), _transposed(corners), upright)
        kept = np.maximum(kept, _transposed(turned))
    return kept


def _covered(bands: list[_Band], height: int, width: int) -> NDArray[np.uint8]:
    """1 where any of the bands is, (height, width)."""
    covered = np.zeros((height, width), np.uint8)
    for band in bands:
        covered[band.rows] |= band.inside
    return covered


def _with_strokes(clear: Grey, ink: Grey, corners: NDArray[np.uint8], bands: list[_Band]) -> Grey:
    """The ink without lines, and with the strokes that cross these of them. The lines run along the rows."""
    kept = clear.copy()
    framed = np.asarray(cv2.copyMakeBorder(clear, 1, 1, 0, 0, cv2.BORDER_CONSTANT), np.float32)
    for band in bands:
        inside = ink[band.rows]
        darker = inside * (inside > 1.6 * band.darkness(ink) + 0.05)
        stroke = np.minimum(inside, np.maximum(darker, band.beside(framed)))
        stroke *= band.inside & (corners[band.rows] == 0)
        np.maximum(kept[band.rows], stroke, out=kept[band.rows])
    return kept


def otsu(values: Grey) -> float:
    """The threshold that best separates the values into two groups (Otsu 1979). values: (H, W), >= 0."""
    highest = max(float(values.max()), 1e-6)
    steps = np.asarray(values * (255 / highest), np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_OTSU)
    return (threshold + 0.5) * highest / 255
