"""Scales levels of any bit depth, as scanners and cameras store them in 16 bits or more, to [0, 1]."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.pixels import WORKING_SIDE, Grey, to_working_size
from schemas.errors import InvalidImage

MAX_16_BITS = 65_535.0
TOP_PERCENTILE = 99.5  # of the levels sets the range: a few hot pixels must not
MIN_CORRELATION = 0.4  # of neighbouring pixels in an image of something; about 0 in the noise of a blank one


def scale_levels(levels: Grey) -> Grey:
    """Scale to [0, 1] by the number of bits in use, but pure noise by at least 16 bits: a blank image stays blank.

    levels: (height, width) or (height, width, channels); integers, negative ones too, or fractions in [0, 1].
    Returns the same shape. Raises InvalidImage if a level is not finite.
    """
    if not bool(np.isfinite(levels).all()):
        raise InvalidImage("expected finite levels, got an image with NaN or infinity; save it as 8-bit PNG")
    levels = levels - min(0.0, float(levels.min()))
    if bool((levels % 1).any()) and float(levels.max()) <= 1:
        return np.asarray(levels, np.float32)
    used = _used_range(levels)
    levels = np.minimum(levels, used)
    return np.asarray(levels / (used if _is_correlated(levels) else max(used, MAX_16_BITS)), np.float32)


def to_8_bits(pixels: NDArray[np.uint16], side: int = WORKING_SIDE) -> Image.Image:
    """Reduce to 8 bits, and to a longest side of `side`; colour and alpha are each scaled by the bits they use.

    pixels: (height, width, 2 to 4), 16 bits: grey and alpha, RGB or RGBA.
    """
    channels = pixels.shape[2]
    small = np.asarray(to_working_size(pixels, side), np.float32)
    colours = channels - 1 + channels % 2  # the rest is alpha
    colour, alpha = scale_levels(small[..., :colours]), small[..., colours:]
    if alpha.size:
        colour = np.concatenate([colour, np.clip(alpha / _used_range(alpha), 0, 1)], axis=2)
    return Image.fromarray(np.round(colour * 255).astype(np.uint8))


def _used_range(levels: Grey) -> float:
    """The highest level of the bits in use, at least one bit."""
    return float(2 ** max(1, int(np.percentile(levels, TOP_PERCENTILE)).bit_length()) - 1)


def _is_correlated(levels: Grey) -> bool:
    """Whether neighbouring pixels correlate, which those of noise do not."""
    levels = levels - levels.mean(axis=(0, 1))
    steps = float((np.diff(levels, axis=0) ** 2).mean() + (np.diff(levels, axis=1) ** 2).mean()) / 4
    return steps < (1 - MIN_CORRELATION) * float((levels**2).mean())
