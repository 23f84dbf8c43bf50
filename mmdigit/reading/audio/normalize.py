"""Turns audio bytes into the model's input: one second of mono speech at 8 kHz, with the speech in the middle."""

import numpy as np
import soxr  # type: ignore[import-untyped]

from mmdigit.reading.audio.channels import to_mono
from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.frames import FRAME, HOP, N_SAMPLES, SAMPLE_RATE_HZ, Waveform, peak_level
from mmdigit.reading.audio.limits import MAX_DURATION_S, Samples
from mmdigit.reading.audio.speech_window import SPEECH_RMS, speech_window, speech_windows
from schemas.errors import InvalidAudio

__all__ = [
    "FRAME",
    "HOP",
    "MAX_DURATION_S",
    "N_SAMPLES",
    "SAMPLE_RATE_HZ",
    "SPEECH_RMS",
    "Waveform",
    "decode_audio",
    "read_waveform",
    "speech_window",
    "speech_windows",
    "to_waveform",
]

SILENCE_PEAK = 5e-4  # of full scale (-66 dB); below it there is only converter noise


def decode_audio(data: bytes) -> Waveform:
    """Decode a clip of one spoken digit and normalize it to one second at a fixed level.

    data: a WAV, FLAC or Ogg Opus file within the limits of mmdigit.reading.audio.limits.
    Returns (N_SAMPLES,), mono at SAMPLE_RATE_HZ, range [-1, 1], with the speech in the middle.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return speech_window(read_waveform(data))


def read_waveform(data: bytes) -> Waveform:
    """Decode a whole clip to mono at SAMPLE_RATE_HZ.

    Returns (n_samples,), range [-1, 1], of any duration within the limits.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return to_waveform(*read_clip(data))


def to_waveform(samples: Samples, rate_hz: int) -> Waveform:
    """As read_waveform, from samples within the limits, (n_frames, n_channels) in [-1, 1]. May change them in place."""
    waveform = to_mono(samples, rate_hz)
    waveform -= np.add.reduce(waveform) / waveform.size  # the mean, twice as fast as numpy's for so few samples
    peak = peak_level(waveform)
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech with a peak of at least {SILENCE_PEAK:.0e} of full scale, got silence ({peak:.1e}); "
            "record it again, closer to the microphone"
        )
    if rate_hz != SAMPLE_RATE_HZ:
        waveform = soxr.resample(waveform, rate_hz, SAMPLE_RATE_HZ)
        peak = peak_level(waveform)
    return np.asarray(waveform if peak <= 1 else waveform.clip(-1, 1), np.float32)
