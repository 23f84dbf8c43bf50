"""Finds the line of writing in a photo: paper and rules taken away, set upright, its digits LINE_HEIGHT pixels high.

Two passes: the first finds where the line is and how high its digits are, the second cuts it out at that scale, so that
paper is told from ink by the width of strokes (as mmdigit/reading/image/ink.py does for one digit).
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.rules import remove_rules
from mmdigit.reading.image.lines import otsu
from mmdigit.reading.image.pixels import Flags, Grey
from mmdigit.reading.image.polarity import ink_is_dark
from mmdigit.reading.percentiles import percentiles

LINE_HEIGHT = 56  # pixels, of the line's usual digit in the line that is cut out
FIRST_SIDE = 800  # pixels, the longest side of the first pass
SHARES = (1.0, 0.55, 0.3, 0.15, 0.08, 0.04)  # of the photo's height: heights of digits that the first pass looks for
MAX_LINE_WIDTH = 80 * LINE_HEIGHT  # pixels
MIN_HEIGHT_PX = 8.0  # of a digit in the photo as decoded; below that, digits cannot be told apart
MIN_CONTRAST = 0.03  # of full range; anything fainter is not ink
MIN_SIGNAL = 3.0  # standard deviations of the paper's grain by which ink stands out
SHADOW_OFFSET = 0.2  # keeps the grain in deep shadow bounded
MAX_STROKE = 0.45  # of a digit's height: the window that no stroke fills
ROOM = 0.6  # of a digit's height, around the line
MIN_DIGIT_HEIGHT = 0.45  # of the usual digit's height: what counts as a digit while the line is looked for
MAX_SLOPE = 0.35  # of a line, 19 degrees
OTHER_LINE = 0.5  # of this line's ink: what is a line of its own above or below


@dataclass(frozen=True, eq=False)
class LineInk:
    """ink: (height, width), range [0, 1], 1 = the inside of a stroke; inked: where it is ink. to_photo: (2, 3), from
    its pixels (x, y) to those of the photo. several_lines: whether the photo holds another line. ruled: whether rules
    were taken away."""

    ink: Grey
    inked: Flags
    to_photo: NDArray[np.float64]
    contrast: float
    several_lines: bool = False
    ruled: bool = False


def find_line(grey: Grey) -> LineInk | None:
    """The line of digits with the most ink; None if there is none. grey: (height, width), range [0, 1]."""
    if float(grey.max() - grey.min()) < MIN_CONTRAST:
        return None
    best: tuple[float, LineInk] | None = None
    for dark_ink in _polarities(grey):
        dark = grey if dark_ink else 1 - grey
        scale = min(1.0, FIRST_SIDE / max(dark.shape))
        small = _resized(dark, scale)
        for share in SHARES:
            if share * small.shape[0] < MIN_HEIGHT_PX:
                break
            where = _first_pass(small, share * small.shape[0])
            if where is None or where.height / scale < MIN_HEIGHT_PX:
                continue
            found = _read_line(dark, where.scaled(1 / scale))
            if found is not None and (best is None or found[0] > best[0]):
                best = found
    return None if best is None else best[1]


def _read_line(dark: Grey, where: "_Where") -> tuple[float, LineInk] | None:
    """The line where the first pass saw it, and how much of the photo's ink it explains; None if it is not there."""
    found = _second_pass(*_cut_out(dark, where))
    again = None if found is None else _where(found.inked, LINE_HEIGHT)
    if found is None or again is None:
        return None
    # The first pass sees little of thin or faint strokes: once more, with what the second one found.
    if abs(math.log(again.height / LINE_HEIGHT)) > 0.12 or abs(again.slope) > 0.02:
        found = _second_pass(*_cut_out(dark, again.moved(found.to_photo)))
        again = None if found is None else _where(found.inked, LINE_HEIGHT)
        if found is None or again is None:
            return None
    fits = math.exp(-((math.log(again.height / LINE_HEIGHT) / 0.4) ** 2))
    score = fits * again.mass * found.contrast * math.hypot(*found.to_photo[:, 0]) ** 2
    several = where.several or again.several
    return score, LineInk(found.ink, found.inked, found.to_photo, found.contrast, several, found.ruled)


@dataclass(frozen=True)
class _Where:
    """A line of writing: its middle from left to right, height of its digits, pixels; and whether there is another."""

    left: float
    right: float
    middle: float
    """At the centre between left and right."""
    slope: float
    height: float
    several: bool
    mass: float
    """Inked pixels of its digits, less those that are none."""

    def scaled(self, by: float) -> "_Where":
        return replace(
            self, left=self.left * by, right=self.right * by, middle=self.middle * by, height=self.height * by
        )

    def moved(self, to_photo: NDArray[np.float64]) -> "_Where":
        """In the photo's pixels. to_photo: a similarity, (2, 3)."""
        half = (self.right - self.left) / 2
        ends = np.array([[self.left, self.middle - self.slope * half], [self.right, self.middle + self.slope * half]])
        (left, top), (right, bottom) = ends @ to_photo[:, :2].T + to_photo[:, 2]
        scale = math.hypot(*to_photo[:, 0])
        slope = (bottom - top) / max(right - left, 1e-6)
        middle, height = (top + bottom) / 2, self.height * scale
        return replace(self, left=left, right=right, middle=middle, slope=slope, height=height)


def _polarities(grey: Grey) -> list[bool]:
    """Whether the ink is dark: one answer, or both if it is not certain. Judged over square pieces along the longer
    side, as it was fitted on crops of single digits."""
    height, width = grey.shape
    side = min(height, width)
    count = min(9, max(1, round(max(height, width) / side)))
    votes = []
    for start in np.linspace(0, max(height, width) - side, count).astype(int):
        piece = grey[:, start : start + side] if width >= height else grey[start : start + side]
        if float(piece.max() - piece.min()) >= MIN_CONTRAST:
            votes.append(ink_is_dark(np.ascontiguousarray(piece)))
    return sorted(set(votes), key=votes.count, reverse=True) or [True]


def _first_pass(dark: Grey, height: float) -> _Where | None:
    """The line as it looks if its digits are at most that high, pixels."""
    ink, floor = subtract_paper(dark, height)
    if float(ink.max()) < floor:
        return None
    ink, _ = remove_rules(ink, floor, max(0.75 * height, 16.0))
    return _where(_inked(ink, floor), height)


def _second_pass(dark: Grey, to_photo: NDArray[np.float64]) -> LineInk | None:
    ink, floor = subtract_paper(dark, LINE_HEIGHT)
    if float(ink.max()) < floor:
        return None
    ink, ruled = remove_rules(ink, floor, LINE_HEIGHT)
    inked = _inked(ink, floor)
    if not bool(inked.any()):
        return None
    (high,) = percentiles(ink[inked], 60)
    if high < floor:
        return None
    (background,) = percentiles(ink[~inked], 90)
    low = min(background, 0.5 * high)
    near = cv2.dilate(inked.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    full = np.asarray(np.clip((ink - low) / (high - low), 0, 1) * near, np.float32)
    return LineInk(full, inked, to_photo, float(high), ruled=ruled)


def subtract_paper(dark: Grey, height: float) -> tuple[Grey, float]:
    """The ink relative to the paper around it, (height, width), range [0, 1]; and the least that is ink, not grain.

    dark: an image with dark ink. height: of a digit, in its pixels. Black top-hat (Serra 1982).
    """
    rough = 0.247 * percentiles(np.abs(_second_difference(dark)[::2, ::2]), 50)[0]  # Immerkaer 1996, by the median
    low, high = percentiles(dark[::2, ::2], 1, 99)
    sigma = 0.6 + min(1.2, 12 * max(0.0, rough / max(high - low, 1e-6) - 0.02))
    smooth = np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
    window = max(3, round(MAX_STROKE * height)) | 1
    paper = np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), np.float32)
    ink = (paper - smooth) / (paper + SHADOW_OFFSET)  # light multiplies: in shadow, ink takes away less
    (level,) = percentiles(ink[::2, ::2], 25)
    (median,) = percentiles(paper[::2, ::2], 50)
    grain = rough / (3.5 * sigma) / (median + SHADOW_OFFSET)  # white noise after smoothing: 1/(2 sqrt(pi) s)
    return np.asarray(np.clip(ink - level, 0, 1), np.float32), max(MIN_CONTRAST, MIN_SIGNAL * grain)


def _second_difference(grey: Grey) -> Grey:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return np.asarray(cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _inked(ink: Grey, floor: float) -> Flags:
    """Where there is ink: certain, or fainter and joined to it (hysteresis; Canny 1986)."""
    threshold = max(otsu(ink), 0.6 * floor)
    certain = ink > threshold
    if not bool(certain.any()) or bool(certain.all()):
        return np.zeros(ink.shape, bool)
    (background,) = percentiles(ink[~certain], 90)
    fainter = max(min(max(0.5 * threshold, 2 * background), 0.7 * threshold), 0.6 * floor)
    inked = ink > fainter
    count, part_of = cv2.connectedComponents(inked.view(np.uint8), connectivity=8)
    kept = np.bincount(np.asarray(part_of)[certain & inked], minlength=count) > 0
    kept[0] = False
    return np.asarray(kept[part_of])


def _where(inked: Flags, expected: float) -> _Where | None:
    """The line with the most ink, from the components as high as digits. expected: a digit's height at most."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(inked.view(np.uint8), connectivity=8)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    likely = (tall >= 0.15 * expected) & (tall <= 2.5 * expected) & (area >= 6)
    if count < 2 or not likely.any():
        return None
    # The usual height: that of the half of the ink in the higher components.
    order = np.argsort(tall[likely])
    share = np.cumsum(area[likely][order])
    usual = float(tall[likely][order][np.searchsorted(share, 0.5 * share[-1])])
    digits = likely & (tall >= MIN_DIGIT_HEIGHT * usual) & (tall <= 2.2 * usual)
    x, y = left + wide / 2, top + tall / 2
    slope, chosen = _main_line(x[digits], y[digits], area[digits], usual)
    x, y, area, left, wide, tall = (each[digits] for each in (x, y, area, left, wide, tall))
    middle = float(np.average(y[chosen] - slope * x[chosen], weights=area[chosen]))
    away = np.abs(y - slope * x - middle)
    rest = area[(away > 0.9 * usual)]
    height = _usual_height(tall[chosen], area[chosen])
    first, last = float(left[chosen].min()), float((left + wide)[chosen].max())
    mass = max(1.0, float(area[chosen].sum()) - float(stats[1:, cv2.CC_STAT_AREA].sum() - area[chosen].sum()))
    several = float(rest.sum()) >= OTHER_LINE * float(area[chosen].sum())
    return _Where(first, last, middle + slope * (first + last) / 2, slope, height, several, mass)


def _usual_height(tall: NDArray[np.float64], area: NDArray[np.float64]) -> float:
    order = np.argsort(tall)
    share = np.cumsum(area[order])
    return float(tall[order][np.searchsorted(share, 0.5 * share[-1])])


def _main_line(
    x: NDArray[np.float64], y: NDArray[np.float64], area: NDArray[np.float64], height: float
) -> tuple[float, NDArray[np.bool_]]:
    """The slope of the line through the most ink, and the components on it, (N,)."""
    best: tuple[float, float, NDArray[np.bool_]] = (-1.0, 0.0, np.zeros(x.size, bool))
    for slope in np.linspace(-MAX_SLOPE, MAX_SLOPE, 29):
        level = y - slope * x
        for centre in level[np.argsort(-area)[:24]]:
            on = np.abs(level - centre) <= 0.5 * height
            spread = float(np.average((level[on] - np.average(level[on], weights=area[on])) ** 2, weights=area[on]))
            score = float(area[on].sum()) * (1 - 0.5 * min(1.0, spread / (0.3 * height) ** 2) - 0.3 * abs(slope))
            if score > best[0]:
                best = score, float(slope), on
    on = best[2]
    extent = float(np.ptp(x[on]))
    if on.sum() < 3 or extent < 1.5 * height:
        return 0.0, on | (np.abs(y - np.average(y[on], weights=area[on])) <= 0.6 * height)
    design, weights = np.stack([x[on], np.ones(on.sum())], axis=1), np.sqrt(area[on])
    slope, level = np.linalg.lstsq(design * weights[:, None], y[on] * weights, rcond=None)[0]
    slope = float(np.clip(slope, -MAX_SLOPE, MAX_SLOPE)) * min(1.0, (extent / height - 1) / 3)
    centred = y - slope * x
    return slope, on | (np.abs(centred - np.average(centred[on], weights=area[on])) <= 0.6 * height)


def _cut_out(dark: Grey, where: _Where) -> tuple[Grey, NDArray[np.float64]]:
    """The line upright, its digits LINE_HEIGHT high, with ROOM around it; and the map from its pixels to dark's."""
    shrink = math.hypot(1, where.slope)
    scale = min(LINE_HEIGHT / where.height, MAX_LINE_WIDTH / (shrink * (where.right - where.left)))
    room = ROOM * where.height
    length = shrink * (where.right - where.left) + 2 * room
    tall = where.height + 2 * room
    along = np.array([1, where.slope]) / shrink
    down = np.array([-where.slope, 1]) / shrink
    centre = np.array([(where.left + where.right) / 2, where.middle])
    size = max(8, math.ceil(length * scale)), max(8, math.ceil(tall * scale))
    to_photo = np.stack([along / scale, down / scale], axis=1)
    start = centre - to_photo @ np.array([size[0] / 2, size[1] / 2])
    to_photo = np.hstack([to_photo, start[:, None]])
    source = dark
    if scale < 0.7:  # average first: sampling alone would skip pixels
        source = _resized(dark, scale)
        factors = np.array([source.shape[1] / dark.shape[1], source.shape[0] / dark.shape[0]])
        warp = to_photo * factors[:, None]
    else:
        warp = to_photo
    centres = warp.copy()
    centres[:, 2] += warp[:, :2] @ [0.5, 0.5] - 0.5  # from the middle of a pixel to the middle of a pixel
    method = cv2.INTER_CUBIC if scale > 1.2 else cv2.INTER_LINEAR
    line = cv2.warpAffine(
        source, centres.astype(np.float32), size, flags=method | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(np.clip(line, 0, 1), np.float32), to_photo


def _resized(grey: Grey, scale: float) -> Grey:
    if scale >= 1:
        return grey
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
