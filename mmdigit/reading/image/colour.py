"""Colour to grey: luma, or the colour axis in which ink stands out where it is about as bright as its paper.

The axis is the first principal component of chroma (Cb, Cr; ITU-T T.871) in the middle of the picture, slopes of light
taken away. Both constants were chosen on MNIST training digits drawn in random colours (its test file draws them).
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey

LOOKED_AT_SIDE = 48  # pixels, the longest side of the copy that is measured
EDGE = 0.15  # of each side; what lies there is often another thing of another colour
SLOPES = 0.3  # of the longest side, to each side of a pixel: what is even over so much is light, not ink
CLEARLY = 1.3  # times as much contrast as in luma, and chroma is taken instead; 0.92 in red ink on white paper
LEAST_SPREAD = 0.008  # standard deviation of chroma, of full range; compression's noise is less
PAPER = 0.85  # where the paper lies in what is returned, so that most ink is darker and some may be brighter

Rgb = NDArray[np.uint8]  # (height, width, 3)


def grey_of(rgb: Rgb) -> Grey:
    """The picture in the projection in which its ink is to be seen, (height, width), range [0, 1]: luma unless another
    one is clearly better."""
    axis = _chroma_axis(rgb)
    if axis is None:
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) / np.float32(255), np.float32)
    chroma = _luma_and_chroma(rgb)[..., 1:] @ axis
    border = np.concatenate([chroma[0], chroma[-1], chroma[:, 0], chroma[:, -1]])
    above = chroma - np.median(border)
    return np.asarray(np.clip(PAPER - above if above.mean() > 0 else PAPER + above, 0, 1), np.float32)


def _chroma_axis(rgb: Rgb) -> NDArray[np.float32] | None:
    """The direction in (Cr, Cb) of most contrast, (2,), of length 1; None = luma has as much or more."""
    height, width = rgb.shape[:2]
    scale = min(1.0, LOOKED_AT_SIDE / max(height, width))
    if scale < 1:
        size = max(4, round(width * scale)), max(4, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        width, height = size
    rows, columns = round(EDGE * height), round(EDGE * width)
    seen = cv2.blur(_luma_and_chroma(rgb[rows : height - rows, columns : width - columns]), (3, 3))
    window = 2 * round(SLOPES * max(seen.shape)) + 1
    seen = (seen - cv2.blur(seen, (window, window))).reshape(-1, 3)
    seen -= seen.mean(axis=0)
    (luma, *_), (_, red, both), (*_, blue) = (seen.T @ seen / len(seen)).tolist()
    most = (red + blue) / 2 + math.hypot((red - blue) / 2, both)
    if most < LEAST_SPREAD**2 or most < CLEARLY**2 * luma:
        return None
    angle = math.atan2(2 * both, red - blue) / 2
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def _luma_and_chroma(rgb: Rgb) -> NDArray[np.float32]:
    """Y, Cr, Cb, (height, width, 3), range [0, 1]."""
    return np.asarray(cv2.cvtColor(np.asarray(rgb / np.float32(255), np.float32), cv2.COLOR_RGB2YCrCb), np.float32)
