"""Finds the ink of one digit in an image: removes paper, uneven light, box lines and neighbouring digits.

All of it works on a copy of 64 to 128 pixels, so that the time does not depend on the size of the image.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.lines import otsu, remove_lines
from mmdigit.reading.image.pixels import Flags, Grey
from mmdigit.reading.image.polarity import ink_is_dark
from mmdigit.reading.image.several_digits import Parts, has_several_digits
from mmdigit.reading.percentiles import percentile, percentile_of_sorted, percentiles
from mmdigit.reading.steps import Steps, run

cv2.setNumThreads(1)  # the images are small, and the worker has threads of its own


MIN_WORKING_SIDE, MAX_WORKING_SIDE = 64, 128  # pixels, the longest side
MIN_CONTRAST = 0.03  # of full range; anything fainter is not ink
MIN_SIGNAL = 3.0  # standard deviations of the paper's grain by which ink stands out
MAX_STROKE = 0.28  # of the longest side; anything wider is shade or paper
MAX_TIGHT_STROKE = 0.52  # the same for a black digit that fills the crop but leaves most of the border free
SHADOW_OFFSET = 0.2  # keeps the grain in deep shadow bounded
# How faint the continuation of a darker stroke may be, as a fraction of the ink threshold: on paper with other marks,
# and on clean paper.
FAINTER, FAINTEST = 0.6, 0.3
STEP, DIAGONAL = 0.95, 1.37  # pixels: what OpenCV's distance transform counts for a step, at least and at most
MIN_SIDE = 0.1  # of the longest side; anything smaller is not a digit


def find_ink(grey: Grey, bright_ink: bool | None = None) -> tuple[Grey, bool]:
    """The ink of the digit at each pixel, and whether the image holds another digit.

    grey: (height, width), range [0, 1], any size. bright_ink: None = detect it.
    Returns the ink with a longest side of 64-128 pixels, range [0, 1], 1 = ink; all zeros if there is no digit.
    """
    return run(ink_steps(grey, bright_ink))


def ink_steps(grey: Grey, bright_ink: bool | None = None) -> Steps[tuple[Grey, bool]]:
    """find_ink, with a pause after each step."""
    grey = _scaled(grey)
    blank = np.zeros_like(grey), False
    if float(grey.max() - grey.min()) < MIN_CONTRAST:
        return blank
    if bright_ink is None:
        bright_ink = not ink_is_dark(grey)
    dark = 1 - grey if bright_ink else grey
    yield
    ink, grain = _subtract_paper(dark)
    floor = max(MIN_CONTRAST, MIN_SIGNAL * grain)
    if float(ink.max()) < floor:
        return blank
    yield
    ink, had_lines = remove_lines(ink, floor)
    yield
    if float(ink.max()) < floor:
        return blank
    return _digit(ink, floor, grain, had_lines) or blank


def _digit(ink: Grey, floor: float, grain: float, had_lines: bool) -> tuple[Grey, bool] | None:
    """What find_ink returns, from the ink without lines; None if it holds no digit."""
    threshold = max(otsu(ink), 0.6 * floor)
    ordered = np.sort(ink, axis=None)
    below = ordered[: int(ordered.searchsorted(np.float32(threshold), "right"))]
    background = percentile_of_sorted(below, 90)  # high if lines or the other side of the sheet shine through
    fainter = max(min(max(FAINTEST * threshold, 2 * background), FAINTER * threshold), 0.6 * floor)
    parts, faint = _parts(ink, fainter, threshold)
    kept, several = _digit_parts(parts, had_lines)
    inked = kept[parts.part_of]
    high = percentile(parts.darkness[inked], 60)
    if not high >= floor:
        return None
    below = ordered[: int(ordered.searchsorted(np.float32(fainter), "right"))]
    background = percentile_of_sorted(np.concatenate([below, np.sort(faint)]), 90)
    low = min(max(background, 1.5 * grain), 0.5 * high)
    digit = np.zeros(ink.shape, np.uint8)
    digit.ravel()[parts.pixels[inked]] = 1
    near = cv2.dilate(digit, np.ones((3, 3), np.uint8))
    return np.clip((ink - low) / (high - low), 0, 1) * near, several


def _scaled(grey: Grey) -> Grey:
    longest = max(grey.shape)
    target = min(max(longest, MIN_WORKING_SIDE), MAX_WORKING_SIDE)
    if target == longest:
        return grey.astype(np.float32)
    scale = target / longest
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.clip(np.asarray(cv2.resize(grey.astype(np.float32), size, interpolation=method), np.float32), 0, 1)


def _subtract_paper(dark: Grey) -> tuple[Grey, float]:
    """The ink relative to the paper around it, (height, width), range [0, 1], and the grain of the paper (its standard
    deviation).

    dark: an image with dark ink. In even light, the paper is a plane. Otherwise it is the closing with a window wider
    than any stroke, which follows gradients and the hard edges of shadows (black top-hat; Serra 1982).
    """
    rough = 0.247 * percentile(np.abs(_second_difference(dark)[::2, ::2]), 50)  # Immerkaer 1996, by the median
    low, high = percentiles(dark[::2, ::2], 1, 99)
    sigma = 0.6 + min(1.2, 12 * max(0.0, rough / max(high - low, 1e-6) - 0.02))
    smooth = np.asarray(cv2.GaussianBlur(dark, (0, 0), sigma), np.float32)
    plane = _paper_plane(smooth)
    if plane is None:
        window = max(3, round(MAX_STROKE * max(dark.shape)))
        paper = np.asarray(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8)), np.float32)
    else:
        paper = np.maximum(plane, smooth)
    ink = (paper - smooth) / (paper + SHADOW_OFFSET)  # light multiplies: in shadow, ink takes away less
    # The closing lies on the crests of the grain, and the paper is a little darker.
    level = percentile(ink[::2, ::2], 25 if plane is None else 5)
    median = percentile(paper[::2, ::2], 50)
    grain = rough / (3.5 * sigma) / (median + SHADOW_OFFSET)  # white noise after smoothing: 1/(2 sqrt(pi) s)
    return np.clip(ink - level, 0, 1), grain


def _paper_plane(grey: Grey) -> Grey | None:
    """A plane fitted to the paper, (height, width), which holds even if strokes cover most of it; None = uneven light.

    The light counts as uneven if the dark area is wider than strokes, or not clearly separated from the paper.
    """
    low = float(grey.min())
    threshold = otsu(grey - low) + low
    dark = (grey < threshold).view(np.uint8)
    share = cv2.countNonZero(dark) / dark.size
    if share in (0, 1):
        return None
    (mean,), (deviation,) = (each[0] for each in cv2.meanStdDev(grey))
    darker = cv2.mean(grey, dark)[0]
    bright = (mean - share * darker) / (1 - share)
    apart = share * (1 - share) * (bright - darker) ** 2 / max(deviation**2, 1e-9)
    if apart < 0.75:
        return None
    border = float(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]]).mean())
    widest = MAX_TIGHT_STROKE if apart > 0.8 and border < 0.3 else MAX_STROKE
    if _is_wider(dark, widest * max(grey.shape)):
        return None
    return _fitted_plane(grey, (threshold + bright) / 2)


def _is_wider(dark: NDArray[np.uint8], stroke: float) -> bool:
    """Whether the dark area, 1 = dark, is somewhere wider than a stroke of that width in pixels."""
    side = 2 * int(0.5 * stroke / DIAGONAL) - 1
    if side > 0 and not cv2.erode(dark, np.ones((side, side), np.uint8)).any():  # no square fits in: half the time
        return False
    around = cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return float(cv2.distanceTransform(around, cv2.DIST_L2, 3).max()) > 0.5 * stroke


def _fitted_plane(grey: Grey, level: float) -> Grey:
    """The plane through the pixels above the level, clipped to [0, 1]; at most 1,023 of them are enough."""
    height, width = grey.shape
    paper = (grey > level).ravel().nonzero()[0]
    if not paper.size:
        return np.zeros_like(grey)
    paper = paper[:: max(1, paper.size // 512)]
    design = np.stack([*np.divmod(paper, width), np.ones(paper.size)], axis=1)
    values = grey.ravel()[paper].astype(np.float64)[:, None]
    _, fitted = cv2.solve(design, values, flags=cv2.DECOMP_SVD | cv2.DECOMP_NORMAL)  # least squares
    down, right, base = np.ravel(fitted).tolist()
    rows, columns = down * np.arange(height) + base, right * np.arange(width)
    return np.clip(rows.astype(np.float32)[:, None] + columns.astype(np.float32), 0, 1)


def _second_difference(grey: Grey) -> Grey:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return np.asarray(cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


class _Parts(NamedTuple):
    """Connected inked parts of an image."""

    shape: tuple[int, ...]
    pixels: NDArray[np.intp]  # (n,), the places of the inked pixels in the flat image
    part_of: NDArray[np.intp]  # (n,), the part of each pixel
    darkness: NDArray[np.float32]  # (n,), the ink of each pixel
    boxes: NDArray[np.float64]  # (N, 5), left, top, width, height and inked pixels of each part
    centres: NDArray[np.float64]  # (N, 2), column and row


def _parts(ink: Grey, fainter: float, certain: float) -> tuple[_Parts, NDArray[np.float32]]:
    """The parts of what is above `fainter` with at least one certain pixel (hysteresis; Canny 1986); and the ink of the
    other parts' pixels."""
    inked = ink > fainter
    count, labels, boxes, centres = cv2.connectedComponentsWithStatsWithAlgorithm(
        inked.view(np.uint8), 8, cv2.CV_16U, cv2.CCL_DEFAULT
    )
    pixels = inked.ravel().nonzero()[0]
    label_of, darkness = labels.ravel()[pixels], ink.ravel()[pixels]
    kept = np.bincount(label_of[darkness > certain], minlength=count) > 0
    faint = darkness[:0]
    if np.count_nonzero(kept) < count - 1:
        within = kept[label_of]
        faint = darkness[~within]
        pixels, label_of, darkness = pixels[within], label_of[within], darkness[within]
    measured = np.asarray(boxes[kept], np.float64), np.asarray(centres[kept], np.float64)
    return _Parts(ink.shape, pixels, (kept.cumsum() - 1)[label_of], darkness, *measured), faint


def _digit_parts(parts: _Parts, had_lines: bool) -> tuple[Flags, bool]:
    """Which parts are the digit's, (N,): its main part and the pieces near it; and whether there is another digit."""
    count = len(parts.boxes)
    kept = np.zeros(count, bool)
    if count == 0:
        return kept, False
    height, width = parts.shape
    left, top, wide, tall, area = parts.boxes.T
    right, bottom = left + wide, top + tall
    touches = (left <= 1) | (top <= 1) | (right >= width - 1) | (bottom >= height - 1)
    mass = np.asarray(np.bincount(parts.part_of, parts.darkness, count), np.float64)
    offset = np.hypot((parts.centres[:, 0] - width / 2) / width, (parts.centres[:, 1] - height / 2) / height)
    sides = np.maximum(wide, tall)
    main = int((mass * sides * np.exp(-3 * offset**2 * 2) * np.where(touches, 0.5, 1)).argmax())
    size = sides[main]
    if size < MIN_SIDE * max(height, width) * (1.5 if had_lines else 1):
        return kept, False
    kept[main] = True
    max_gap = np.where(touches, 0.07, np.where(area < 0.15 * area[main], 0.2, 0.4)) * size
    box_gap = np.maximum(
        np.maximum(left[main] - right, left - right[main]), np.maximum(top[main] - bottom, top - bottom[main])
    )
    near = (area >= max(3, 0.015 * area[main])) & (STEP * (box_gap + 1) <= max_gap)
    pieces = [part for part in np.argsort(-area)[:40].tolist() if near[part] and part != main]
    if pieces:
        # The distance of each pixel to the main part; that of a piece is the distance of its nearest pixel.
        others = np.ones(parts.shape, np.uint8)
        others.ravel()[parts.pixels[parts.part_of == main]] = 0
        distance = cv2.distanceTransform(others, cv2.DIST_L2, 3).ravel()
        for part in pieces:
            kept[part] = distance[parts.pixels[parts.part_of == part]].min() <= max_gap[part]
    return kept, has_several_digits(Parts(left, top, right, bottom, area, mass), main, height, width)
