"""Levels of any number of bits, as scanners and cameras leave them in 16 bits or more, to the range [0, 1]."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.ink import Grey
from mmdigit.opened import WORKING_SIDE
from schemas.errors import InvalidImage

LEAST_BITS = 8  # fewer are noise: a blank page stays blank
TOP_SHARE = 99.5  # per cent of the pixels lie below the range's end: a few hot pixels say nothing of it


def scaled(levels: Grey) -> Grey:
    """levels: (height, width), counts from 0 or below, or range [0, 1].

    Returns the same, range [0, 1], of the whole range of as many bits as are used. Raises InvalidImage if a level is
    not finite.
    """
    if not bool(np.isfinite(levels).all()):
        raise InvalidImage("expected finite levels, got a picture with NaN or infinity; save it as 8-bit PNG")
    levels = levels - min(0.0, float(levels.min()))
    return np.asarray(np.clip(levels / full_scale(levels), 0, 1), np.float32)


def full_scale(levels: Grey) -> float:
    """The highest level of as many bits as are used; 1 if all are fractions."""
    top = float(np.percentile(levels, TOP_SHARE))
    if float(levels.max()) <= 1:
        return 1.0
    return float(2 ** max(LEAST_BITS, math.ceil(math.log2(top + 1))) - 1)


def to_bytes(pixels: NDArray[np.uint16]) -> Image.Image:
    """pixels: (height, width, 2 to 4), 16 bits: grey and alpha, or red, green, blue and perhaps alpha.

    Returns the picture in 8 bits, reduced to WORKING_SIDE if it is larger; colour and alpha each of the bits they use.
    """
    height, width, channels = pixels.shape
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
    colours = channels - 1 + channels % 2  # the others are alpha
    parts = [scaled(part) for part in (small[..., :colours], small[..., colours:]) if part.size]
    return Image.fromarray(np.round(np.concatenate(parts, axis=2) * 255).astype(np.uint8))
