"""The pitch of made-up voices is found; of noise and silence none."""

import numpy as np
import pytest

from mmdigit.reading.audio.normalize import Waveform
from mmdigit.training.evaluate.pitch import pitch_hz

SECONDS = np.arange(8000) / 8000


def voice(pitch: float, decay: float = 0.7) -> Waveform:
    """A second of overtones."""
    parts = [decay**k * np.sin(2 * np.pi * pitch * k * SECONDS + k) for k in range(1, int(3800 / pitch))]
    return np.asarray(0.1 * np.sum(parts, axis=0), np.float32)


@pytest.mark.parametrize("pitch", [80, 110, 160, 220, 320])
@pytest.mark.parametrize("decay", [0.5, 0.7, 0.9])
def test_pitch_of_overtones(pitch: float, decay: float) -> None:
    assert pitch_hz(voice(pitch, decay)) == pytest.approx(pitch, rel=0.03)


def test_pitch_survives_noise_and_pauses() -> None:
    noisy = voice(210) + np.random.default_rng(1).normal(size=8000).astype(np.float32) * 0.03
    noisy[:3000] *= 0.001
    assert pitch_hz(noisy) == pytest.approx(210, rel=0.03)


def test_no_pitch_without_a_voice() -> None:
    noise = np.random.default_rng(2).normal(size=8000).astype(np.float32)
    for clip in (noise, np.zeros(8000, np.float32), noise[:100]):
        assert np.isnan(pitch_hz(clip))
