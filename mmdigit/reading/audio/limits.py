"""The limits of a clip, whatever its format: bytes, sample rate, channels, duration, range of the samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidAudio
from schemas.job import MAX_AUDIO_BYTES

Samples = NDArray[np.float32]

MIN_RATE_HZ, MAX_RATE_HZ = 8000, 192000
MIN_DURATION_S, MAX_DURATION_S = 0.05, 10.0


@dataclass(frozen=True)
class ClipLimits:
    """How large and how long a clip may be, and what to do with a longer one."""

    max_bytes: int
    max_duration_s: float
    advice: str

    def max_frames(self, rate_hz: int) -> int:
        """The frames (one sample of each channel) of the longest clip that is read."""
        return round(self.max_duration_s * rate_hz)


ONE_DIGIT = ClipLimits(MAX_AUDIO_BYTES, MAX_DURATION_S, "send one digit a clip")
RECORDING = ClipLimits(32 * 1024 * 1024, 60.0, "cut the recording")
"""Of a whole number, or of several: a minute in stereo at 48 kHz, 16 bits, has 11.5 MB."""


def check_length(n_frames: int, rate_hz: int, limits: ClipLimits = ONE_DIGIT) -> None:
    """Raises InvalidAudio if a clip of this many frames is too short or too long."""
    if n_frames > limits.max_frames(rate_hz):
        raise InvalidAudio(f"expected at most {limits.max_duration_s:g} s of audio, got more; {limits.advice}")
    if n_frames < MIN_DURATION_S * rate_hz:
        raise InvalidAudio(
            f"expected at least {MIN_DURATION_S:g} s of audio, got {n_frames / rate_hz:.3f} s; record the whole digit"
        )


def check_format(rate_hz: int, channels: int) -> None:
    """Raises InvalidAudio if the sample rate or the number of channels is outside the limits."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InvalidAudio(f"expected {MIN_RATE_HZ}-{MAX_RATE_HZ} Hz, got {rate_hz} Hz; resample the clip")
    if channels not in (1, 2):
        raise InvalidAudio(f"expected mono or stereo, got {channels} channels; mix the clip down to mono")


def within_full_scale(floats: "NDArray[np.floating]") -> Samples:
    """Scale floats beyond full scale to [-1, 1]: they may be so large that sums overflow.

    floats: any shape and float type. Returns the same shape, float32. Raises InvalidAudio if a value is not finite.
    """
    if not bool(np.isfinite(floats).all()):
        raise InvalidAudio("expected finite samples, got NaN or infinity; save the clip as 16-bit PCM")
    return np.asarray(floats / max(1.0, float(np.abs(floats).max(initial=0))), np.float32)
