"""Audio bytes to the model's input: one second of mono speech at 8 kHz with the spoken part in its middle.

mmdigit.reading.audio.decode reads the bytes.
"""

import numpy as np
import soxr  # type: ignore[import-untyped]

from mmdigit.reading.audio.channels import mono
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

SILENCE_PEAK = 5e-4  # of full scale (-66 dB): below it there is nothing but the converter's own noise


def decode_audio(data: bytes) -> Waveform:
    """One spoken digit, brought to what the model expects.

    data: a WAV, FLAC or Ogg Opus file within the limits of mmdigit.reading.audio.limits.
    Returns (N_SAMPLES,), mono at SAMPLE_RATE_HZ, range [-1, 1], the spoken part in the middle at a level of its own.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return speech_window(read_waveform(data))


def read_waveform(data: bytes) -> Waveform:
    """The whole clip as mono at SAMPLE_RATE_HZ.

    Returns (n_samples,), range [-1, 1], of any duration within the limits.
    Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return to_waveform(*read_clip(data))


def to_waveform(samples: Samples, rate_hz: int) -> Waveform:
    """As read_waveform, of samples within the limits, (n_frames, n_channels) in [-1, 1]. May change them."""
    waveform = mono(samples, rate_hz)
    waveform -= np.add.reduce(waveform) / waveform.size  # the mean; numpy's own costs as much again for so few
    peak = peak_level(waveform)
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech, got silence (peak {peak:.1e} of full scale, at least {SILENCE_PEAK:.0e} is needed); "
            "record it again, closer to the microphone"
        )
    if rate_hz != SAMPLE_RATE_HZ:
        waveform = soxr.resample(waveform, rate_hz, SAMPLE_RATE_HZ)
        peak = peak_level(waveform)
    return np.asarray(waveform if peak <= 1 else waveform.clip(-1, 1), np.float32)
