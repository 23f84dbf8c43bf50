"""A picture whose pixels are not decoded yet, and what it may cost (tests/lab/fuzz/test_limits.py)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from schemas.errors import InvalidImage

MAX_PIXELS = 12_500_000  # a 12-megapixel photo
MIN_SIDE = 8  # pixels; below this no digit can be told from another
MAX_SIDE = 16_384  # pixels; each row has a cost of its own, and no photo is longer
MAX_DECODED_BYTES = 104_000_000  # pixels and what their decoder holds beside them: 8 bytes of MAX_PIXELS
MAX_DEEP_BYTES = 24_000_000  # of pixels with several channels of 16 bits, to be read whole

ORIENTATION_TAG = 0x0112  # EXIF


class Opened(NamedTuple):
    """A picture within the limits. deep: all 16 bits of each channel, (height, width, channels), of which Pillow keeps
    the upper 8; None = it has no more than Pillow gives."""

    image: Image
    orientation: int = 1  # how the camera was held, as EXIF counts it
    deep: Callable[[], NDArray[np.uint16] | None] | None = None


def check_size(width: int, height: int) -> None:
    """Raises InvalidImage if a picture of that many pixels is too small, too large or too long to be read."""
    if width * height > MAX_PIXELS:
        raise InvalidImage(f"expected at most {MAX_PIXELS} pixels, got {width}x{height} declared; send a smaller crop")
    if max(width, height) > MAX_SIDE:
        raise InvalidImage(f"expected sides of at most {MAX_SIDE} pixels, got {width}x{height}; send a crop")
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(f"expected at least {MIN_SIDE}x{MIN_SIDE} pixels, got {width}x{height}; send a larger crop")


def check_memory(n_bytes: int) -> None:
    """Raises InvalidImage if decoding would hold more than MAX_DECODED_BYTES."""
    if n_bytes > MAX_DECODED_BYTES:
        raise InvalidImage(
            f"expected a picture that takes at most {MAX_DECODED_BYTES // 1_000_000} MB to decode, "
            f"got one that takes {n_bytes // 1_000_000} MB; send a smaller crop"
        )


def orientation_of(image: Image) -> int:
    """How the camera was held, 1-8, as the picture's EXIF block or XMP text says."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # a damaged EXIF block says nothing about the pixels, which are whole
        return 1
