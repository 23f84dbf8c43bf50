"""Rendered photographs: in range, repeatable, of every kind, and readable by the decoder."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.training.data.photographs import KINDS, MAX_SIDE, photograph, photograph_digits
from mmdigit.training.data.render_paper import INVERTED_SHARE
from mmdigit.training.data.splits import Digits
from tests.mmdigit.clips import mnist_like


def images(count: int = 6) -> NDArray[np.uint8]:
    return np.stack([mnist_like(seed) for seed in range(count)])


def digits(count: int = 6) -> Digits:
    return Digits(images(count), np.arange(count) % 10, np.full(count, -1))


@pytest.mark.parametrize("kind", KINDS)
def test_photograph_is_in_range_and_of_many_sizes(kind: str) -> None:
    random = np.random.default_rng(1)
    longest = set()
    for label in range(10):
        crop, kind_used = photograph(images()[label % 6], images(), random, kind, label)
        assert kind_used == kind
        assert crop.dtype == np.float32
        assert np.isfinite(crop).all()
        assert 0 <= crop.min() < crop.max() <= 1
        assert min(crop.shape) >= 8
        assert 19 <= max(crop.shape) <= MAX_SIDE + 1
        longest.add(max(crop.shape))
    assert max(longest) > 2 * min(longest)


def test_photograph_draws_kinds_by_their_shares() -> None:
    random = np.random.default_rng(2)
    kinds = [photograph(images()[0], images(), random)[1] for _ in range(150)]
    for kind, settings in KINDS.items():
        assert abs(kinds.count(kind) / 150 - settings.share) < 0.12
    assert sum(settings.share for settings in KINDS.values()) == pytest.approx(1)


def test_photograph_inverts_some_crops() -> None:
    random = np.random.default_rng(3)
    inverted = 0
    for _ in range(150):
        crop, _ = photograph(images()[0], images(), random, "sheet")
        inverted += bool(np.median(crop) < (crop.min() + crop.max()) / 2)
    assert 0.5 * INVERTED_SHARE < inverted / 150 < 2.5 * INVERTED_SHARE


def test_photograph_digits_does_not_depend_on_the_workers() -> None:
    made = photograph_digits(digits(), 2, seed=4)
    assert made.shape == (12, 28, 28)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, photograph_digits(digits(), 2, seed=4, workers=2))
    assert (made != photograph_digits(digits(), 2, seed=5)).any()
    assert (made[0] != made[1]).any()
    np.testing.assert_array_equal(photograph_digits(digits(4), 1, seed=4).shape, (4, 28, 28))


def test_photograph_digits_keeps_most_digits() -> None:
    """The decoder finds the digit: ink around a hole in the middle."""
    made = photograph_digits(digits(), 10, seed=6)
    hole, around = made[:, 12:16, 12:16].mean(axis=(1, 2)), made.max(axis=(1, 2))
    assert ((around > 200) & (hole < 80)).mean() > 0.6
