"""Where the ink of one digit is in a picture: paper, light, box lines and neighbours are taken away.

Everything is decided on a copy of 64 to 128 pixels, so that the time does not depend on the picture.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

cv2.setNumThreads(1)  # the pictures are small, and the worker has threads of its own

Grey = NDArray[np.float32]
Flags = NDArray[np.bool_]

SMALLEST, LARGEST = 64, 128  # pixels, the longest side that is worked on
LEAST_CONTRAST = 0.03  # of full range; fainter ink is none
LEAST_SIGNAL = 3.0  # ink stands out from the grain of the paper by so many standard deviations
WIDEST_STROKE = 0.28  # of the longest side; what is wider is shade or paper
WIDEST_EVEN = 0.6  # the same in even light, where ink may crowd out the paper
DARKEST = 0.2  # keeps the grain of deep shadow from growing without bound
FAINTER = 0.6  # of the threshold between ink and paper: so faint a stroke may be where it goes on from a darker one
LEAST_SIDE = 0.1  # of the longest side; what is smaller is no digit

# Lines of boxes and of writing paper, in parts of the picture's side.
LINE_SLOPES = np.tan(np.deg2rad((-4.0, -3.0, -2.2, -1.5, -0.75, 0.0, 0.75, 1.5, 2.2, 3.0, 4.0)))
LINE_PEAK = 0.58  # of the picture's side is inked along its middle
FRAME_PEAK = 0.4  # the same for the sides of a whole box
LINE_COVER = 0.75  # of its own length is inked
LINE_WIDTH = 0.16  # at most, of a box
RULE_WIDTH = 0.07  # at most, of a line to write on
LINE_END = 0.03  # its ends lie so near to the edge of the picture, or to a line across
EDGE_ZONE = 0.24  # nearer to an edge than this it is a box line; between, it needs a digit beside it

# How much each sign says that the ink is dark: fitted on rendered crops (mmdigit/training/photographs.py).
POLARITY_SIDE = 64
POLARITY_WINDOWS = (5, 9, 17, 29)
POLARITY_WEIGHTS = np.array([4.4, 5.7, 11.8, -6.9, 2.0, -0.8])
POLARITY_PRIOR = 1.0  # dark ink is the more usual


def find_ink(grey: Grey, bright_ink: bool | None = None) -> Grey:
    """How much ink of the digit is at each pixel.

    grey: (height, width), range [0, 1], any size. bright_ink: None = find out.
    Returns the picture scaled to a longest side of 64-128 pixels, range [0, 1], 1 = ink; all zeros if there is no digit.
    """
    grey = _scaled(grey)
    blank = np.zeros_like(grey)
    if float(grey.max() - grey.min()) < LEAST_CONTRAST:
        return blank
    if bright_ink is None:
        bright_ink = not _ink_is_dark(grey)
    dark = 1 - grey if bright_ink else grey
    ink, grain = _above_paper(dark)
    floor = max(LEAST_CONTRAST, LEAST_SIGNAL * grain)
    if float(ink.max()) < floor:
        return blank
    ink, had_lines = _without_lines(ink, floor)
    if float(ink.max()) < floor:
        return blank
    threshold = max(_otsu(ink), 0.6 * floor)
    core = _connected(ink > max(FAINTER * threshold, 0.6 * floor), ink > threshold)
    chosen = _digit_parts(core, ink, had_lines)
    if not bool(chosen.any()):
        return blank
    high = float(np.percentile(ink[chosen], 60))
    if high < floor:
        return blank
    low = min(max(float(np.percentile(ink[~core], 90)), 1.5 * grain), 0.5 * high)
    near = cv2.dilate(chosen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(np.clip((ink - low) / (high - low), 0, 1) * near, np.float32)


def _scaled(grey: Grey) -> Grey:
    longest = max(grey.shape)
    wanted = min(max(longest, SMALLEST), LARGEST)
    if wanted == longest:
        return grey.astype(np.float32)
    scale = wanted / longest
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.clip(np.asarray(cv2.resize(grey.astype(np.float32), size, interpolation=method), np.float32), 0, 1)


def _ink_is_dark(grey: Grey) -> bool:
    return float(polarity_signs(grey) @ POLARITY_WEIGHTS) + POLARITY_PRIOR > 0


def polarity_signs(grey: Grey) -> NDArray[np.float64]:
    """Six signs that the ink is dark, (6,), range about [-1, 1]; those of the negative are the same with -.

    Thin dark structure against thin bright structure at four widths, the border against the middle of the range,
    and whether the few are darker than the many.
    """
    scale = POLARITY_SIDE / max(grey.shape)
    size = (max(4, round(grey.shape[1] * scale)), max(4, round(grey.shape[0] * scale)))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), 0.7), np.float32)
    signs = []
    for window in POLARITY_WINDOWS:
        kernel = np.ones((window, window), np.uint8)
        dark = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel) - small
        bright = small - cv2.morphologyEx(small, cv2.MORPH_OPEN, kernel)
        both = float((dark * dark).sum()), float((bright * bright).sum())
        signs.append((both[0] - both[1]) / (both[0] + both[1] + 1e-9))
    low, high = np.percentile(small, (1, 99))
    ring = np.concatenate([small[:3].ravel(), small[-3:].ravel(), small[:, :3].ravel(), small[:, -3:].ravel()])
    span = max(float(high - low), 1e-6)
    signs.append(float(np.clip((2 * np.median(ring) - low - high) / span, -1, 1)))
    signs.append(float(np.clip((np.median(small) - small.mean()) / (small.std() + 1e-6), -1, 1)))
    return np.array(signs)


def _above_paper(dark: Grey) -> tuple[Grey, float]:
    """Ink against the paper around it, (height, width), range [0, 1], and the paper's grain, its standard deviation.

    dark: dark ink. The paper is what a closing wider than any stroke leaves: it follows slopes and the hard edges of
    shadows, as those are wider (black top-hat; Serra 1982).
    """
    rough = float(np.median(np.abs(_second_difference(dark)[::2, ::2]))) * 0.247  # Immerkaer 1996, by the median
    low, high = np.percentile(dark[::2, ::2], (1, 99))
    sigma = 0.6 + min(1.2, 12 * max(0.0, rough / max(float(high - low), 1e-6) - 0.02))
    smooth = np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
    window = round((WIDEST_STROKE if _is_shaded(smooth) else WIDEST_EVEN) * max(dark.shape))
    paper = np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), np.float32)
    ink = (paper - smooth) / (paper + DARKEST)  # light multiplies: in shadow, ink takes away less
    # The closing lies on the grain's crests, the paper a little lower.
    level = float(np.percentile(ink[::2, ::2], 25 if window < 0.5 * max(dark.shape) else 5))
    grain = rough / (3.5 * sigma) / (float(np.median(paper[::2, ::2])) + DARKEST)  # white noise after smoothing: 1/(2 sqrt(pi) s)
    return np.clip(ink - level, 0, 1), grain


def _is_shaded(grey: Grey) -> bool:
    """Whether what is dark in the whole is more than strokes, or not clearly apart from the paper."""
    low = float(grey.min())
    threshold = _otsu(grey - low) + low
    dark = grey < threshold
    share = float(dark.mean())
    apart = share * (1 - share) * float(grey[~dark].mean() - grey[dark].mean()) ** 2 / max(float(grey.var()), 1e-9)
    depth = float(cv2.distanceTransform(np.pad(dark, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 3).max())
    return apart < 0.75 or depth > 0.5 * WIDEST_STROKE * max(grey.shape)


def _second_difference(grey: Grey) -> Grey:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return np.asarray(cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


class _Line(NamedTuple):
    """A line down the picture, or after transposing across it: columns start to stop at slope, from row top to bottom."""

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


def _without_lines(ink: Grey, floor: float) -> tuple[Grey, bool]:
    """The ink without the lines of boxes and writing paper; strokes that cross them are joined again.

    Returns it, and whether a box line was there. Looks twice: dark lines hide fainter ones.
    """
    had_lines = False
    for _ in range(2):
        outer, inner = _lines(ink > max(0.5 * _otsu(ink), 0.6 * floor))
        cleared = _erased(ink, outer)
        if inner:
            # A digit one may run from edge to edge as well: only if a digit as dark is left, these are lines.
            alone = _erased(ink, outer + inner)
            strength = max(_strength(ink, line) for line in inner)
            if _is_digit_sized(alone > max(0.5 * _otsu(alone), 0.6 * floor, 0.5 * strength)):
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


def _sheared(values: Grey | NDArray[np.uint8], slope: float, method: int) -> NDArray[np.float32]:
    """Each row moved so that a line of that slope stands upright."""
    height, width = values.shape
    matrix = np.array([[1, slope, -slope * height / 2], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(values, matrix, (width, height), flags=method), np.float32)


def _upright_lines(inked: NDArray[np.uint8], upright: bool) -> list[_Line]:
    """Straight runs of ink down the picture, whichever of LINE_SLOPES covers them best."""
    height, width = inked.shape
    covers = np.stack([_sheared(inked, slope, cv2.INTER_NEAREST).mean(axis=0) for slope in LINE_SLOPES])
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
        run = _sheared(inked, LINE_SLOPES[turn], cv2.INTER_NEAREST)[:, start:stop].any(axis=1)
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
    clear = np.where(np.any(bands, axis=0), 0, ink).astype(np.float32)
    upright = np.any([band for line, band in zip(lines, bands, strict=True) if line.upright] or [bands[0] & False], 0)
    flat = np.any([band for line, band in zip(lines, bands, strict=True) if not line.upright] or [bands[0] & False], 0)
    corners = upright & flat
    crossing = np.zeros_like(ink)
    for line, band in zip(lines, bands, strict=True):
        level = _strength(ink, line)
        across = _crossing(clear, line) if line.upright else _crossing(np.ascontiguousarray(clear.T), line).T
        dark = ink > 1.6 * level + 0.05
        crossing = np.where(band & ~corners, np.maximum(crossing, np.where(dark, ink, np.minimum(ink, across))), crossing)
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


def _connected(inked: Flags, certain: Flags) -> Flags:
    """The parts of `inked` that hold something certain (hysteresis, Canny 1986)."""
    count, places = cv2.connectedComponents(inked.astype(np.uint8), connectivity=8)
    held = np.bincount(np.asarray(places)[certain & inked], minlength=count) > 0
    held[0] = False
    return np.asarray(held[places])


def _digit_parts(core: Flags, ink: Grey, had_lines: bool) -> Flags:
    """Which of the inked pixels are the digit's: its largest part and what belongs to that."""
    count, places, stats, centres = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    nothing = np.zeros(core.shape, bool)
    if count < 2:
        return nothing
    height, width = core.shape
    longest = max(core.shape)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    right, bottom = left + wide, top + tall
    touches = (left <= 1).astype(int) + (top <= 1) + (right >= width - 1) + (bottom >= height - 1)
    mass = np.bincount(places.ravel(), ink.ravel(), count)[1:]
    offset = np.hypot((centres[1:, 0] - width / 2) / width, (centres[1:, 1] - height / 2) / height)
    sides = np.maximum(wide, tall)
    score = mass * sides * np.exp(-3 * offset**2 * 2) * np.where(touches > 0, 0.5, 1)
    main = int(score.argmax())
    if sides[main] < LEAST_SIDE * longest * (1.5 if had_lines else 1):
        return nothing
    size = sides[main]
    kept = np.zeros(count, bool)
    kept[main + 1] = True
    # Distance from each pixel to the main part; a piece is as far as its nearest pixel.
    away = np.asarray(cv2.distanceTransform((places != main + 1).astype(np.uint8), cv2.DIST_L2, 3))
    for part in np.argsort(-area)[:40]:
        if part == main or area[part] < max(3, 0.015 * area[main]):
            continue
        gap = float(away[places == part + 1].min())
        allowed = 0.07 if touches[part] else 0.2 if area[part] < 0.15 * area[main] else 0.4
        kept[part + 1] = gap <= allowed * size
    return np.asarray(kept[places])


def _otsu(values: Grey) -> float:
    """The threshold that best separates values of at least 0 into two groups (Otsu 1979)."""
    highest = max(float(values.max()), 1e-6)
    steps = np.asarray(values * (255 / highest), np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 255, cv2.THRESH_OTSU)
    return (threshold + 0.5) * highest / 255
