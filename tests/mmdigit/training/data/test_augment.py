"""Augmentation: shapes and ranges are kept, and the same seed gives the same batch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, get_args

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from mmdigit.training.data import augment  # noqa: E402
from mmdigit.training.data.augment import Chance  # noqa: E402
from mmdigit.training.fit.plan import Distortion  # noqa: E402

ALL = get_args(Distortion)


def chance(seed: int = 0) -> Chance:
    return Chance(torch.Generator().manual_seed(seed))


def pictures() -> "Tensor":
    grey: Tensor = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    return grey


def waveforms() -> "Tensor":
    sound: Tensor = torch.randn(16, 8000, generator=torch.Generator().manual_seed(3)).clamp(-3, 3) / 3
    return sound


CASES: list[tuple[str, Callable[[Chance], "Tensor"], float, float]] = [
    ("pictures", lambda luck: augment.augment_pictures(pictures(), luck), 0, 1),
    ("spoiled", lambda luck: augment.spoiled_pictures(pictures(), luck), 0, 1),
    ("waveforms", lambda luck: augment.augment_waveforms(waveforms(), waveforms(), luck, ALL), -1, 1),
    ("not words", lambda luck: augment.not_words(waveforms(), luck), -1, 1),
    ("features", lambda luck: augment.augment_features(torch.rand(16, 49, 40), luck, ALL) * 0, 0, 0),
]


@pytest.mark.parametrize(("make", "low", "high"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_ranges_and_seeds(make: Callable[[Chance], "Tensor"], low: float, high: float) -> None:
    once, again, other = make(chance(1)), make(chance(1)), make(chance(2))
    assert once.shape[0] == 16
    assert bool(torch.isfinite(once).all())
    assert low - 1e-5 <= float(once.min())
    assert float(once.max()) <= high + 1e-5
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert high == 0 or not torch.equal(once, other)


def test_silent_clips_stay_finite() -> None:
    silent = torch.zeros(4, 8000)
    assert bool(torch.isfinite(augment.augment_waveforms(silent, silent, chance(), ALL)).all())
    assert bool(torch.isfinite(augment.not_words(silent, chance())).all())


def test_features_keep_their_shape() -> None:
    assert augment.augment_features(torch.rand(3, 49, 40), chance(), ALL).shape == (3, 49, 40)


def test_without_distortions_a_clip_is_only_scaled() -> None:
    sound = waveforms()
    same = augment.augment_waveforms(sound, sound, chance(), ())
    torch.testing.assert_close(same, sound / sound.abs().amax(dim=1, keepdim=True))
    features = torch.rand(3, 49, 40)
    torch.testing.assert_close(augment.augment_features(features, chance(), ()), features)
