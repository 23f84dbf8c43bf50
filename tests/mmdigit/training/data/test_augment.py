"""Augmentation: keeps shapes and ranges, and is seeded."""

from collections.abc import Callable
from typing import TYPE_CHECKING, get_args

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from mmdigit.training.data import augment  # noqa: E402
from mmdigit.training.data.augment import TensorRng  # noqa: E402
from mmdigit.training.plan import Distortion  # noqa: E402

ALL = get_args(Distortion)


def rng(seed: int = 0) -> TensorRng:
    return TensorRng(torch.Generator().manual_seed(seed))


def waveforms() -> "Tensor":
    waveform: Tensor = torch.randn(16, 8000, generator=torch.Generator().manual_seed(3)).clamp(-3, 3) / 3
    return waveform


CASES: list[tuple[str, Callable[[TensorRng], "Tensor"], float, float]] = [
    ("waveforms", lambda rng: augment.augment_waveforms(waveforms(), waveforms(), rng, ALL), -1, 1),
    ("not words", lambda rng: augment.non_digit_waveforms(waveforms(), waveforms(), rng), -1, 1),
    ("features", lambda rng: augment.augment_features(torch.rand(16, 49, 40), rng, ALL) * 0, 0, 0),
]


@pytest.mark.parametrize(("make", "low", "high"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_augment_keeps_the_range_and_is_seeded(make: Callable[[TensorRng], "Tensor"], low: float, high: float) -> None:
    once, again, other = make(rng(1)), make(rng(1)), make(rng(2))
    assert once.shape[0] == 16
    assert bool(torch.isfinite(once).all())
    assert low - 1e-5 <= float(once.min())
    assert float(once.max()) <= high + 1e-5
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert high == 0 or not torch.equal(once, other)


def test_augment_waveforms_of_silence_is_finite() -> None:
    silent = torch.zeros(4, 8000)
    assert bool(torch.isfinite(augment.augment_waveforms(silent, silent, rng(), ALL)).all())
    assert bool(torch.isfinite(augment.non_digit_waveforms(silent, silent, rng())).all())


def test_augment_features_keeps_the_shape() -> None:
    assert augment.augment_features(torch.rand(3, 49, 40), rng(), ALL).shape == (3, 49, 40)


def test_augment_without_distortions_only_scales() -> None:
    waveform = waveforms()
    same = augment.augment_waveforms(waveform, waveform, rng(), ())
    torch.testing.assert_close(same, waveform / waveform.abs().amax(dim=1, keepdim=True))
    features = torch.rand(3, 49, 40)
    torch.testing.assert_close(augment.augment_features(features, rng(), ()), features)


def test_neighbours_leave_their_ends_beside_some_clips() -> None:
    time_s = torch.arange(8000) / 8000
    inside = (time_s > 0.4) & (time_s < 0.6)
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time_s) * inside for hz in (200, 500, 1600)] * 200)
    left = (augment._between_neighbours(tones, tones[:3], rng()) - tones).abs() > 0.01
    before, after = time_s < 0.4, time_s > 0.6
    assert 0.1 < left[:, before].any(dim=1).float().mean() < 0.2  # a fifth, less what overlaps the clip entirely
    assert 0.1 < left[:, after].any(dim=1).float().mean() < 0.2
    assert left.sum(dim=1).max() <= 2 * 0.08 * 8000 + 2
    assert not left[:, (time_s < 0.4 - 0.111) | (time_s > 0.6 + 0.111)].any()


def test_two_digits_in_a_row_meet_in_the_middle() -> None:
    time = torch.arange(8000) / 8000  # seconds
    speech = ((time > 0.35) & (time < 0.65)).float()
    low, high = (torch.sin(2 * torch.pi * pitch_hz * time) * speech for pitch_hz in (300, 1500))
    rows = augment._in_a_row(low.repeat(50, 1), high[None], rng())
    for half, pitch_hz in ((rows[:, :3700], 300), (rows[:, 4300:], 1500)):
        heard_hz = torch.fft.rfft(half).abs().argmax(dim=1) * 8000 / 3700
        assert float((heard_hz - pitch_hz).abs().max()) < 25
    lengths_s = (rows.abs() > 0.01).sum(dim=1) / 8000
    assert 0.15 < float(lengths_s.min()) < 0.4
    assert 0.5 < float(lengths_s.max()) < 0.62
