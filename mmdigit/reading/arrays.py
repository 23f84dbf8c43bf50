"""Converts arrays that a program already holds to the model's input: the pixels of an image, the samples of a clip."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.audio.limits import Samples, check_format, check_length, within_full_scale
from mmdigit.reading.audio.normalize import Waveform, speech_window, to_waveform
from mmdigit.reading.image.decode import decode_opened
from mmdigit.reading.image.depth import scale_levels
from mmdigit.reading.image.limits import check_size
from mmdigit.reading.image.normalize import Digit, read_digit
from mmdigit.reading.image.opened_image import OpenedImage
from schemas.errors import InvalidAudio, InvalidImage

INTEGER_SAMPLES = ("int16", "int32")


def read_pixels(pixels: NDArray[Any]) -> Digit:
    """The digit in an image, as if read from a file with the same levels.

    pixels: (height, width), (height, width, 1), or (height, width, 3 or 4) for RGB or RGBA; bool, uint8, or any other
    integer or float dtype, as fractions in [0, 1] or as levels of as many bits as they use.
    Raises InvalidImage for any other array, and for an image outside the limits.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        raise InvalidImage(
            "expected pixels of shape (height, width), or (height, width, 3 or 4) for colours, "
            f"got {pixels.shape}; pass one image, its channels last"
        )
    if pixels.dtype.kind not in "buif":
        raise InvalidImage(f"expected pixels of a numeric dtype, got {pixels.dtype}; convert them to uint8")
    height, width = pixels.shape[:2]
    check_size(width, height)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif pixels.dtype != np.uint8:
        with np.errstate(over="ignore"):  # overflow gives infinity, which scale_levels refuses
            pixels = scale_levels(pixels.astype(np.float32))
        if pixels.ndim == 3:
            pixels = np.round(255 * pixels).astype(np.uint8)
    return read_digit(decode_opened(OpenedImage(Image.fromarray(pixels))))


def read_clip_samples(samples: NDArray[Any], rate_hz: int) -> Waveform:
    """One spoken digit, as if read from a file with the same samples.

    samples: (n_samples,) or (n_samples, 1 or 2), as soundfile returns them; float in [-1, 1], int16 or int32.
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
    return speech_window(to_waveform(_floats(samples), rate_hz))


def _floats(samples: NDArray[Any]) -> Samples:
    """The samples as floats in [-1, 1], always a copy."""
    if samples.dtype.kind == "f":
        return within_full_scale(samples)
    if samples.dtype.name not in INTEGER_SAMPLES:
        raise InvalidAudio(
            f"expected samples of a float dtype in [-1, 1], or {' or '.join(INTEGER_SAMPLES)}, got {samples.dtype}; "
            "convert them"
        )
    return np.asarray(samples / -float(np.iinfo(samples.dtype).min), np.float32)
