"""Levels of any number of bits, as scanners and cameras leave them in 16 bits or more, to the range [0, 1]."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.pixels import Grey, to_working_size
from schemas.errors import InvalidImage

FULL = 65_535.0  # the range of 16 bits
TOP_SHARE = 99.5  # per cent of the pixels lie below the range's end: a few hot pixels say nothing of it
LEAST_CORRELATION = 0.4  # of neighbours in a picture of something; about 0 in the noise of a blank one


def scaled(levels: Grey) -> Grey:
    """levels: (height, width) or (height, width, channels), counts, negative ones too, or fractions in [0, 1].

    Returns the same, range [0, 1], of the whole range of the bits that are used; of 16 bits at least where all is
    noise, so that a blank picture stays blank. Raises InvalidImage if a level is not finite.
    """
    if not bool(np.isfinite(levels).all()):
        raise InvalidImage("expected finite levels, got a picture with NaN or infinity; save it as 8-bit PNG")
    levels = levels - min(0.0, float(levels.min()))
    if bool((levels % 1).any()) and float(levels.max()) <= 1:
        return np.asarray(levels, np.float32)
    used = _used_range(levels)
    levels = np.minimum(levels, used)
    return np.asarray(levels / (used if _shows_something(levels) else max(used, FULL)), np.float32)


def to_bytes(pixels: NDArray[np.uint16]) -> Image.Image:
    """pixels: (height, width, 2 to 4), 16 bits: grey and alpha, or red, green, blue and perhaps alpha.

    Returns the picture in 8 bits, reduced to WORKING_SIDE if it is larger; colour and alpha each of the bits they use.
    """
    channels = pixels.shape[2]
    small = np.asarray(to_working_size(pixels), np.float32)
    colours = channels - 1 + channels % 2  # the others are alpha
    colour, alpha = scaled(small[..., :colours]), small[..., colours:]
    if alpha.size:
        colour = np.concatenate([colour, np.clip(alpha / _used_range(alpha), 0, 1)], axis=2)
    return Image.fromarray(np.round(colour * 255).astype(np.uint8))


def _used_range(levels: Grey) -> float:
    """The highest level of as many bits as are used, one at least."""
    return float(2 ** max(1, int(np.percentile(levels, TOP_SHARE)).bit_length()) - 1)


def _shows_something(levels: Grey) -> bool:
    """Whether neighbouring pixels are alike, as noise is not."""
    levels = levels - levels.mean(axis=(0, 1))
    steps = float((np.diff(levels, axis=0) ** 2).mean() + (np.diff(levels, axis=1) ** 2).mean()) / 4
    return steps < (1 - LEAST_CORRELATION) * float((levels**2).mean())
