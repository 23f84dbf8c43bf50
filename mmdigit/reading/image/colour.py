"""Converts colour to grey: luma, or the chroma axis that separates ink from paper of about the same brightness.

The axis is the first principal component of chroma (Cb, Cr; ITU-T T.871) in the middle of the image, with gradual
changes of light removed. MIN_CHROMA_RATIO and MIN_SPREAD were tuned on MNIST training digits drawn in random colours.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey

MEASURED_SIDE = 48  # pixels, the longest side of the copy that is measured
EDGE = 0.15  # of each side is ignored: something else of another colour is often there
LIGHT_RADIUS = 0.3  # of the longest side; what is even over this radius is light, not ink
MIN_CHROMA_RATIO = 1.3  # chroma replaces luma from this many times its contrast; red ink on white paper has 0.92
MIN_SPREAD = 0.008  # standard deviation of chroma, of full range; compression noise stays below
PAPER = 0.85  # the level of paper in the result: most ink is darker, and some may be brighter

Rgb = NDArray[np.uint8]  # (height, width, 3)


def to_grey(rgb: Rgb) -> Grey:
    """The projection that shows the ink best, (height, width), range [0, 1]: luma unless chroma is clearly better."""
    axis = _chroma_axis(rgb)
    if axis is None:
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) / np.float32(255), np.float32)
    chroma = _luma_and_chroma(rgb)[..., 1:] @ axis
    border = np.concatenate([chroma[0], chroma[-1], chroma[:, 0], chroma[:, -1]])
    above = chroma - np.median(border)
    return np.asarray(np.clip(PAPER - above if above.mean() > 0 else PAPER + above, 0, 1), np.float32)


def _chroma_axis(rgb: Rgb) -> NDArray[np.float32] | None:
    """The direction in (Cr, Cb) of the highest contrast, (2,), of length 1; None = luma is as good or better."""
    height, width = rgb.shape[:2]
    scale = min(1.0, MEASURED_SIDE / max(height, width))
    if scale < 1:
        size = max(4, round(width * scale)), max(4, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        width, height = size
    rows, columns = round(EDGE * height), round(EDGE * width)
    middle = cv2.blur(_luma_and_chroma(rgb[rows : height - rows, columns : width - columns]), (3, 3))
    window = 2 * round(LIGHT_RADIUS * max(middle.shape)) + 1
    middle = np.asarray(middle - cv2.blur(middle, (window, window)), np.float32)
    middle -= np.array(cv2.mean(middle)[:3], np.float32)
    pixels = middle.reshape(-1, 3)
    (luma, *_), (_, red, both), (*_, blue) = (pixels.T @ pixels / len(pixels)).tolist()  # covariance matrix
    variance = (red + blue) / 2 + math.hypot((red - blue) / 2, both)  # its largest eigenvalue in (Cr, Cb)
    if variance < MIN_SPREAD**2 or variance < MIN_CHROMA_RATIO**2 * luma:
        return None
    angle = math.atan2(2 * both, red - blue) / 2
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def _luma_and_chroma(rgb: Rgb) -> NDArray[np.float32]:
    """Y, Cr, Cb, (height, width, 3), range [0, 1]."""
    return np.asarray(cv2.cvtColor(np.asarray(rgb / np.float32(255), np.float32), cv2.COLOR_RGB2YCrCb), np.float32)
