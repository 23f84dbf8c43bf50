"""The log-mel spectrogram: equal to torchaudio's, independent of batch and level, finite in silence."""

import math
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

import torchaudio  # type: ignore[import-untyped]  # noqa: E402

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ  # noqa: E402
from mmdigit.training.data.log_mel import (  # noqa: E402
    BAND_MEAN,
    HOP_LENGTH,
    MEL_FLOOR,
    MEL_MAX_HZ,
    MEL_MIN_HZ,
    N_FFT,
    N_FRAMES,
    N_MELS,
    LogMel,
)


def noise(count: int) -> "Tensor":
    waveform: Tensor = torch.randn(count, N_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    return waveform


def test_mel_power_equals_torchaudio() -> None:
    reference = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE_HZ,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        f_min=MEL_MIN_HZ,
        f_max=MEL_MAX_HZ,
        n_mels=N_MELS,
        power=2.0,
        center=False,
    )
    waveform = noise(4)
    expected = reference(waveform).transpose(1, 2)
    torch.testing.assert_close(LogMel().power(waveform), expected, rtol=1e-4, atol=1e-5)


def test_mel_power_is_positive_in_every_band() -> None:
    assert bool((LogMel().power(noise(1)) > 0).all())


def test_log_mel_is_independent_of_batch_and_level() -> None:
    log_mel, waveform = LogMel(), noise(3)
    together = log_mel(waveform)
    assert together.shape == (3, N_FRAMES, N_MELS)
    torch.testing.assert_close(log_mel(waveform[1:2])[0], together[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(log_mel(waveform * 0.1), together, rtol=0, atol=1e-3)


def test_log_mel_of_silence_is_finite() -> None:
    log_mel = LogMel()(torch.zeros(1, N_SAMPLES))
    torch.testing.assert_close(log_mel, torch.full_like(log_mel, (1 - BAND_MEAN) * (math.log10(MEL_FLOOR) + 2.8)))
