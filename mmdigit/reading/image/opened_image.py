"""An image within the limits whose pixels are not decoded yet."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

ORIENTATION_TAG = 0x0112  # EXIF


class OpenedImage(NamedTuple):
    """size: width and height in the file, if the image is already scaled down; None = the image's own.
    deep_pixels: returns all 16 bits of each channel, (height, width, channels), of which Pillow keeps only the upper 8;
    None = the image has no more bits than Pillow returns."""

    image: Image
    orientation: int = 1  # how the camera was held, as EXIF counts it
    deep_pixels: Callable[[], NDArray[np.uint16] | None] | None = None
    size: tuple[int, int] | None = None


def orientation_of(image: Image) -> int:
    """How the camera was held, 1-8, from the EXIF block or the XMP text."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # a damaged EXIF block says nothing about the pixels, which are whole
        return 1
