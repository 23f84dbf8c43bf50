"""A box's ink as MNIST lays out a digit: the model reads what looks like its training data best.

MNIST's digits were black and white; their longest side was scaled to exactly 20 pixels, greys came from averaging, and
whole pixels moved the centre of mass to the middle of 28x28. So edges are made sharp again before they are averaged.
`python -m lab.benchmarks.forms` shows what it does: docs/results/forms.md.
Source: LeCun, Cortes and Burges, "The MNIST database".
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.normalize import DIGIT_SIDE, thicken

SIDE, MIDDLE = 28, 14
ENLARGED = 3  # times; so edges are cut, and the digit is measured, to a part of a pixel
EDGE = 0.45  # ink that is half in the stroke
SHARPER = 1.5  # times as steep as the scan's edges


def as_mnist(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(28, 28), 255 = ink; all 0 if there is none.

    ink: (height, width), range [0, 1], 1 = the inside of a stroke, one digit.
    """
    rows, columns = np.flatnonzero((ink > EDGE).any(axis=1)), np.flatnonzero((ink > EDGE).any(axis=0))
    if not rows.size:
        return np.zeros((SIDE, SIDE), np.uint8)
    digit = np.pad(thicken(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]), 2)
    large = cv2.resize(digit, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    sharp = np.clip((large - EDGE) * SHARPER + 0.5, 0, 1)
    left, top, width, height = cv2.boundingRect((sharp > 0.5).view(np.uint8))
    scale = DIGIT_SIDE / max(width, height)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    small = cv2.resize(sharp[top : top + height, left : left + width], size, interpolation=cv2.INTER_AREA)
    laid = np.zeros((SIDE, SIDE), np.uint8)
    left, top = (_first(small.sum(axis=axis)) for axis in (0, 1))
    laid[top : top + size[1], left : left + size[0]] = np.round(255 * small)
    return laid


def _first(ink: NDArray[np.float32]) -> int:
    """Where a digit begins so that its centre of mass lies in the middle. ink: (n,), along that axis."""
    centre = float(np.arange(ink.size) @ ink) / float(ink.sum())
    return round(min(max(MIDDLE - centre, 0), SIDE - ink.size))
