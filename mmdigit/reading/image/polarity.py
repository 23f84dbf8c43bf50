"""Detects whether the ink of an image is dark or bright.

The thinner structure is ink, and the border is mostly paper: a weighted sum of six cues decides. One case overrules
it: a tight crop of thick strokes has more ink than paper, but its corners are paper.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.percentiles import percentile, percentiles

# The weight of each cue for dark ink, fitted on rendered crops (mmdigit/training/data/photographs.py).
POLARITY_SIDE = 64
POLARITY_WINDOWS = (5, 9, 17, 29)
POLARITY_WEIGHTS = np.array([4.4, 5.7, 11.8, -6.9, 2.0, -0.8])
POLARITY_PRIOR = 1.0  # dark ink is more common

# Tuned on 2,000 tight crops of MNIST train, with strokes up to three times as thick, and 3,600 photographs: 1,062 and
# 33 wrong without the corner rule, 606 and 35 with it (a frame around the whole crop looks like paper).
CORNER = 3  # pixels of POLARITY_SIDE, the side of each corner that is compared
PAPER_LEVEL = 0.75  # of the range; corners and border at or above it are paper
MAX_HOLE = 0.4  # of the longest side; a larger patch of paper within the ink is a digit within a frame


def ink_is_dark(grey: Grey) -> bool:
    """Whether the ink is darker than the paper. grey: (height, width), range [0, 1]."""
    small = _scaled(grey)
    levels = _level_cues(small)
    dark = _is_dark(small, levels)
    edge = levels[0]
    if abs(edge) > 2 * PAPER_LEVEL - 1 and (edge > 0) != dark and _paper_in_all_corners(small, edge > 0):
        return not dark
    return dark


def _is_dark(small: Grey, levels: tuple[float, float]) -> bool:
    """Whether the weighted sum of the cues is positive. Windows that can no longer change it are left out: in this
    order one in four, in rendered crops."""
    *by_window, edge, middle = POLARITY_WEIGHTS.tolist()
    total = POLARITY_PRIOR + edge * levels[0] + middle * levels[1]
    left = sum(map(abs, by_window))
    for window, weight in sorted(zip(POLARITY_WINDOWS, by_window, strict=True), key=lambda pair: -pair[1]):
        if abs(total) > left:  # every cue is within [-1, 1]
            break
        total += weight * _window_cue(small, window)
        left -= abs(weight)
    return bool(total > 0)


def _paper_in_all_corners(small: Grey, bright_paper: bool) -> bool:
    """Whether the border is paper that the ink touches, not a frame: judged by its corners and those of the ink."""
    low, high = percentiles(small, 1, 99)
    paper = (small - low) / max(high - low, 1e-6)
    if not bright_paper:
        paper = 1 - paper
    if min(_corners(paper)) <= PAPER_LEVEL:
        return False
    ink = paper < 0.5
    left, top, width, height = cv2.boundingRect(ink.view(np.uint8))
    tall, wide = ink.shape
    touched = (left <= 1) + (top <= 1) + (left + width >= wide - 1) + (top + height >= tall - 1)
    free = sum(corner > 0.5 for corner in _corners(paper[top : top + height, left : left + width]))
    if touched == 0 or touched + free < 3:
        return False
    count, _, stats, _ = cv2.connectedComponentsWithStats((~ink).view(np.uint8), connectivity=4)
    for x, y, across, down, _ in stats[1:count]:
        inside = x > 0 and y > 0 and x + across < wide and y + down < tall
        if inside and max(across, down) >= MAX_HOLE * POLARITY_SIDE:
            return False
    return True


def _corners(paper: Grey) -> tuple[float, float, float, float]:
    """The mean level of each corner."""
    first, last = slice(None, CORNER), slice(-CORNER, None)
    top_left, top_right, bottom_left, bottom_right = (
        float(paper[rows, columns].mean()) for rows in (first, last) for columns in (first, last)
    )
    return top_left, top_right, bottom_left, bottom_right


def polarity_cues(grey: Grey) -> NDArray[np.float64]:
    """Six cues for dark ink, (6,), range about [-1, 1]; inverting the image changes their signs.

    Thin dark against thin bright structure at four widths, the border level against the middle of the range, and the
    median against the mean.
    """
    small = _scaled(grey)
    return np.array([*(_window_cue(small, window) for window in POLARITY_WINDOWS), *_level_cues(small)])


def _window_cue(small: Grey, window: int) -> float:
    """The thin dark against the thin bright structure."""
    kernel = np.ones((window, window), np.uint8)
    dark = cv2.norm(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), small, cv2.NORM_L2SQR)
    bright = cv2.norm(cv2.morphologyEx(small, cv2.MORPH_OPEN, kernel), small, cv2.NORM_L2SQR)
    return (dark - bright) / (dark + bright + 1e-9)


def _level_cues(small: Grey) -> tuple[float, float]:
    """The border level against the middle of the range, and the median against the mean."""
    low, middle, high = percentiles(small, 1, 50, 99)
    ring = np.concatenate([small[:3].ravel(), small[-3:].ravel(), small[:, :3].ravel(), small[:, -3:].ravel()])
    (mean,), (deviation,) = (each[0] for each in cv2.meanStdDev(small))
    edge = (2 * percentile(ring, 50) - low - high) / max(high - low, 1e-6)
    return min(max(edge, -1), 1), min(max((middle - mean) / (deviation + 1e-6), -1), 1)


def _scaled(grey: Grey) -> Grey:
    """Scaled so that the longest side is POLARITY_SIDE, and slightly smoothed."""
    scale = POLARITY_SIDE / max(grey.shape)
    size = (max(4, round(grey.shape[1] * scale)), max(4, round(grey.shape[0] * scale)))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.7), np.float32)
