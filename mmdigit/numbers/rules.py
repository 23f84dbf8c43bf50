"""Removes rules from a line of writing: the lines of ruled or squared paper, and the frame of a printed box.

A rule runs flat, far longer than a digit is high, or upright and higher than any digit. Strokes that cross it stay.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.lines import otsu
from mmdigit.reading.image.pixels import Flags, Grey

MIN_LENGTH = 1.6  # of a digit's height; the longest flat stroke of a digit has about 1
MIN_UPRIGHT = 1.5  # of a digit's height; ones and sevens reach 1.3 beside smaller digits
MAX_WIDTH = 0.16  # of a digit's height
BLUR = 1  # pixels to each side of a rule


def remove_rules(ink: Grey, floor: float, height: float) -> tuple[Grey, bool]:
    """The ink without rules, rejoined where strokes crossed them; and whether there was one.

    ink: (height, width), range [0, 1]. floor: fainter ink is the paper's grain. height: of a digit, pixels.
    """
    inked = ink > max(0.4 * otsu(ink), 0.6 * floor)
    flat = _long_runs(inked, MIN_LENGTH * height, MAX_WIDTH * height)
    upright = _long_runs(np.ascontiguousarray(inked.T), MIN_UPRIGHT * height, MAX_WIDTH * height).T
    if not bool(flat.any()) and not bool(upright.any()):
        return ink, False
    cleared = np.where(flat | upright, 0, ink).astype(np.float32)
    joined = np.zeros_like(ink)
    for band, turn in ((flat, False), (upright, True)):
        if bool(band.any()):
            across = _crossing(cleared.T, band.T).T if turn else _crossing(cleared, band)
            joined = np.maximum(joined, np.where(band, np.minimum(ink, across), 0))
    return np.asarray(np.maximum(cleared, joined), np.float32), True


def _long_runs(inked: Flags, length: float, width: float) -> Flags:
    """Where thin flat runs of at least that length are, with their blurred edges. A run may rise by a pixel or two."""
    thick = cv2.dilate(inked.view(np.uint8), np.ones((3, 1), np.uint8))
    kernel = np.ones((1, max(3, round(length))), np.uint8)
    if kernel.shape[1] > inked.shape[1]:
        return np.zeros(inked.shape, bool)
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not bool(runs.any()):
        return np.zeros(inked.shape, bool)
    # As high as a rule is wide: of a thick run, or of several that lie upon each other, nothing is a rule.
    wide = cv2.morphologyEx(runs, cv2.MORPH_OPEN, np.ones((max(3, round(width) + 3), 1), np.uint8))
    runs = cv2.subtract(runs, wide)
    return cv2.dilate(runs, np.ones((1 + 2 * BLUR, 3), np.uint8)) > 0


def _crossing(cleared: Grey, band: Flags) -> NDArray[np.float32]:
    """The ink above and below a flat rule, carried on into it: the lesser of the two, at a slant too."""
    down, up = cleared.copy(), cleared.copy()
    height = cleared.shape[0]
    slant = np.ones((1, 3), np.uint8)
    for row in range(1, height):
        rows = band[row]
        if rows.any():
            before = cv2.dilate(down[row - 1][None], slant)[0]
            down[row] = np.where(rows, before, down[row])
    for row in range(height - 2, -1, -1):
        rows = band[row]
        if rows.any():
            before = cv2.dilate(up[row + 1][None], slant)[0]
            up[row] = np.where(rows, before, up[row])
    return np.minimum(down, up)
