"""Types of pixels, and the size to which large pictures are reduced."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]  # (height, width), range [0, 1] unless it says otherwise
Flags = NDArray[np.bool_]  # (height, width)

WORKING_SIDE = 256  # pixels; larger pictures are reduced to this before the ink is looked for


def working_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of a picture of that size once its longest side is at most WORKING_SIDE."""
    scale = min(1.0, WORKING_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def to_working_size(pixels: NDArray[Any]) -> NDArray[Any]:
    """pixels: (height, width) or (height, width, channels), of any type that OpenCV resizes. Returns the same type;
    each pixel is the mean of those it stands for."""
    height, width = pixels.shape[:2]
    size = working_size(width, height)
    return pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
