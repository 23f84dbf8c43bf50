"""Arrays that a program already holds, to the model's inputs: pixels of a picture, samples of a clip."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.audio.limits import Samples, check_format, check_length, within_full_scale
from mmdigit.reading.audio.normalize import Waveform, place, to_waveform
from mmdigit.reading.image.decode import decode_opened
from mmdigit.reading.image.depth import scaled
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.opened import Opened, check_size
from schemas.errors import InvalidAudio, InvalidImage

INTEGER_SAMPLES = ("int16", "int32")


def read_pixels(pixels: NDArray[Any]) -> Digit:
    """The digit in a picture, as in a file with the same levels.

    pixels: (height, width), (height, width, 1), or (height, width, 3 or 4) for RGB or RGBA; bool, uint8, or levels of
    any other integer or float dtype: fractions in [0, 1], or counts of as many bits as are used.
    Raises InvalidImage for any other array, and for a picture outside the limits.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        raise InvalidImage(
            "expected pixels of shape (height, width), or (height, width, 3 or 4) for colours, "
            f"got {pixels.shape}; pass one picture, its channels last"
        )
    if pixels.dtype.kind not in "buif":
        raise InvalidImage(f"expected pixels of dtype uint8, or of numbers, got {pixels.dtype}; convert them to uint8")
    height, width = pixels.shape[:2]
    check_size(width, height)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif pixels.dtype != np.uint8:
        with np.errstate(over="ignore"):  # becomes infinite, which scaled refuses
            pixels = scaled(pixels.astype(np.float32))
        if pixels.ndim == 3:
            pixels = np.round(255 * pixels).astype(np.uint8)
    return read_digit(decode_opened(Opened(Image.fromarray(pixels))))


def read_clip_samples(samples: NDArray[Any], rate_hz: int) -> Waveform:
    """One spoken digit, as in a file with the same samples.

    samples: (n_samples,) or (n_samples, 1 or 2), as soundfile gives them; float in [-1, 1], int16 or int32.
    Returns (N_SAMPLES,), as decode_audio does.
    Raises InvalidAudio for any other array, and for a clip outside the limits.
    """
    if samples.ndim == 1:
        samples = samples[:, np.newaxis]
    if samples.ndim != 2 or samples.shape[1] > 2:
        raise InvalidAudio(
            f"expected samples of shape (n_samples,), or (n_samples, 2) for stereo, got {samples.shape}; "
            "pass one clip, its channels last"
        )
    check_format(rate_hz, samples.shape[1])
    check_length(samples.shape[0], rate_hz)
    return place(to_waveform(_floats(samples), rate_hz))


def _floats(samples: NDArray[Any]) -> Samples:
    """The same in the range [-1, 1], always a copy."""
    if samples.dtype.kind == "f":
        return within_full_scale(samples)
    if samples.dtype.name not in INTEGER_SAMPLES:
        raise InvalidAudio(
            f"expected samples of a float dtype in [-1, 1], or {' or '.join(INTEGER_SAMPLES)}, got {samples.dtype}; "
            "convert them"
        )
    return np.asarray(samples / -float(np.iinfo(samples.dtype).min), np.float32)
