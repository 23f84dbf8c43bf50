"""Writes samples as a WAV file: mono, 16 bits."""

import io
import wave

import numpy as np

from mmdigit.reading.audio.frames import SAMPLE_RATE_HZ, Waveform

FULL_SCALE = 32767


def wav_of(waveform: Waveform) -> bytes:
    """A waveform, (n_samples,), range [-1, 1], at SAMPLE_RATE_HZ; samples beyond the range are clipped."""
    samples = np.round(np.clip(waveform, -1, 1) * FULL_SCALE).astype("<i2")
    return pcm_wav(samples.tobytes(), SAMPLE_RATE_HZ)


def pcm_wav(samples: bytes, rate_hz: int) -> bytes:
    """samples: 16 bits each, little-endian."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(samples)
    return content.getvalue()
