"""Pixel types, and the size to which large images are scaled down."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]  # (height, width), range [0, 1] unless stated otherwise
Flags = NDArray[np.bool_]  # (height, width)

WORKING_SIDE = 256  # pixels; larger images are scaled down to this before the ink is searched


def working_size(width: int, height: int, side: int = WORKING_SIDE) -> tuple[int, int]:
    """The width and height scaled down so that the longest side is at most `side`."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def to_working_size(pixels: NDArray[Any], side: int = WORKING_SIDE) -> NDArray[Any]:
    """Scale down to a longest side of `side` by averaging. pixels: (height, width) or (height, width, channels), any
    dtype that OpenCV resizes. Returns the same dtype."""
    height, width = pixels.shape[:2]
    size = working_size(width, height, side)
    return pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
