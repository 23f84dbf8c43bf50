"""Which of dark and bright is the ink of a picture.

The thinner structure is the ink, and the border is mostly paper: six signs, weighed. One case overrules them: a crop
cut close to thick strokes leaves less paper than ink, but its corners are paper.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.percentiles import percentiles

# How much each sign says that the ink is dark: fitted on rendered crops (mmdigit/training/data/photographs.py).
POLARITY_SIDE = 64
POLARITY_WINDOWS = (5, 9, 17, 29)
POLARITY_WEIGHTS = np.array([4.4, 5.7, 11.8, -6.9, 2.0, -0.8])
POLARITY_PRIOR = 1.0  # dark ink is the more usual

# Chosen on 2,000 tight crops of MNIST train, their strokes up to three times as thick, and 3,600 photographs: 1,062
# and 33 wrong without, 606 and 35 with (the signs of a frame around the whole crop are those of paper).
CORNER = 3  # pixels of POLARITY_SIDE, a side of what is compared in each corner
PAPER_LEVEL = 0.75  # of the range; corners and border of this level or more are alike
LARGEST_HOLE = 0.4  # of the longest side; a larger patch of paper within the ink is a digit within a frame


def ink_is_dark(grey: Grey) -> bool:
    """Whether the ink is darker than the paper. grey: (height, width), range [0, 1]."""
    small = _reduced(grey)
    signs = _signs(small)
    dark = float(signs @ POLARITY_WEIGHTS) + POLARITY_PRIOR > 0
    edge = float(signs[4])
    if abs(edge) > 2 * PAPER_LEVEL - 1 and (edge > 0) != dark and _paper_in_all_corners(small, edge > 0):
        return not dark
    return dark


def _paper_in_all_corners(small: Grey, bright_paper: bool) -> bool:
    """Whether the border is paper that ink reaches, rather than a frame: by its corners, and those of the ink's box."""
    low, high = percentiles(small, 1, 99)
    paper = (small - low) / max(high - low, 1e-6)
    if not bright_paper:
        paper = 1 - paper
    if min(_corners(paper)) <= PAPER_LEVEL:
        return False
    ink = paper < 0.5
    left, top, width, height = cv2.boundingRect(ink.view(np.uint8))
    tall, wide = ink.shape
    reached = (left <= 1) + (top <= 1) + (left + width >= wide - 1) + (top + height >= tall - 1)
    free = sum(corner > 0.5 for corner in _corners(paper[top : top + height, left : left + width]))
    if reached == 0 or reached + free < 3:
        return False
    count, _, stats, _ = cv2.connectedComponentsWithStats((~ink).view(np.uint8), connectivity=4)
    for x, y, across, down, _ in stats[1:count]:
        inside = x > 0 and y > 0 and x + across < wide and y + down < tall
        if inside and max(across, down) >= LARGEST_HOLE * POLARITY_SIDE:
            return False
    return True


def _corners(paper: Grey) -> tuple[float, float, float, float]:
    """The mean of each corner's pixels."""
    first, last = slice(None, CORNER), slice(-CORNER, None)
    top_left, top_right, bottom_left, bottom_right = (
        float(paper[rows, columns].mean()) for rows in (first, last) for columns in (first, last)
    )
    return top_left, top_right, bottom_left, bottom_right


def polarity_signs(grey: Grey) -> NDArray[np.float64]:
    """Six signs that the ink is dark, (6,), range about [-1, 1]; those of the negative are the same with -.

    Thin dark structure against thin bright structure at four widths, the border against the middle of the range,
    and whether the few are darker than the many.
    """
    return _signs(_reduced(grey))


def _signs(small: Grey) -> NDArray[np.float64]:
    signs = []
    for window in POLARITY_WINDOWS:
        kernel = np.ones((window, window), np.uint8)
        dark = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel) - small
        bright = small - cv2.morphologyEx(small, cv2.MORPH_OPEN, kernel)
        both = float((dark * dark).sum()), float((bright * bright).sum())
        signs.append((both[0] - both[1]) / (both[0] + both[1] + 1e-9))
    low, middle, high = percentiles(small, 1, 50, 99)
    ring = np.concatenate([small[:3].ravel(), small[-3:].ravel(), small[:, :3].ravel(), small[:, -3:].ravel()])
    span = max(high - low, 1e-6)
    (edge,) = percentiles(ring, 50)
    signs.append(float(np.clip((2 * edge - low - high) / span, -1, 1)))
    signs.append(float(np.clip((middle - small.mean()) / (small.std() + 1e-6), -1, 1)))
    return np.array(signs)


def _reduced(grey: Grey) -> Grey:
    """Its longest side POLARITY_SIDE, smoothed a little."""
    scale = POLARITY_SIDE / max(grey.shape)
    size = (max(4, round(grey.shape[1] * scale)), max(4, round(grey.shape[0] * scale)))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.7), np.float32)
