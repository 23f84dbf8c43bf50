"""Turns audio bytes into the model's input: one second of mono speech at 8 kHz, with the speech in the middle."""

import numpy as np
import soxr  # type: ignore[import-untyped]

from mmdigit.reading.audio.channels import to_mono
from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.frames import FRAME, HOP, N_SAMPLES, SAMPLE_RATE_HZ, Waveform, peak_level
from mmdigit.reading.audio.limits import MAX_DURATION_S, RECORDING, Samples
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
    "read_recording",
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


def read_recording(data: bytes) -> Waveform:
    """As read_waveform, up to the limits RECORDING of mmdigit.reading.audio.limits, for more than one digit.

    A silent recording is returned as it is. Raises InvalidAudio, and nothing else, whatever the bytes are.
    """
    return _at_rate(*_centred(*read_clip(data, RECORDING)))


def to_waveform(samples: Samples, rate_hz: int) -> Waveform:
    """As read_waveform, from samples within the limits, (n_frames, n_channels) in [-1, 1]. May change them in place."""
    waveform, rate_hz, peak = _centred(samples, rate_hz)
    if peak < SILENCE_PEAK:
        raise InvalidAudio(
            f"expected speech with a peak of at least {SILENCE_PEAK:.0e} of full scale, got silence ({peak:.1e}); "
            "record it again, closer to the microphone"
        )
    return _at_rate(waveform, rate_hz, peak)


def _centred(samples: Samples, rate_hz: int) -> tuple[Waveform, int, float]:
    """One channel whose mean is 0, its rate and its peak."""
    waveform = to_mono(samples, rate_hz)
    waveform -= np.add.reduce(waveform) / waveform.size  # the mean, twice as fast as numpy's for so few samples
    return waveform, rate_hz, peak_level(waveform)


def _at_rate(waveform: Waveform, rate_hz: int, peak: float) -> Waveform:
    if rate_hz != SAMPLE_RATE_HZ:
        waveform = soxr.resample(waveform, rate_hz, SAMPLE_RATE_HZ)
        peak = peak_level(waveform)
    return np.asarray(waveform if peak <= 1 else waveform.clip(-1, 1), np.float32)
