"""The statistics of the evaluation, against known values."""

import numpy as np
import pytest

from mmdigit.training.evaluate import auroc, two_way_bootstrap, wilson


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Expected values: R 4.3, prop.test(right, total, correct = FALSE).
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962), (9943, 10000, 0.99262, 0.99560)],
)
def test_wilson(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=1e-4)


def test_wilson_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="none came"):
        wilson(0, 0)


def test_two_way_bootstrap_holds_the_share_and_is_seeded() -> None:
    right = np.random.default_rng(0).random((40, 30)) < 0.9
    low, high = two_way_bootstrap([right, right])
    assert low < right.mean() < high
    assert two_way_bootstrap([right, right]) == (low, high)
    assert two_way_bootstrap([np.ones((5, 5), bool)]) == (1.0, 1.0)


def test_one_bad_clip_widens_the_interval_more_than_scattered_errors() -> None:
    clustered, scattered = np.ones((50, 10), bool), np.ones((50, 10), bool)
    clustered[:, 0] = False
    random = np.random.default_rng(1)
    scattered.ravel()[random.choice(500, 50, replace=False)] = False
    widths = [high - low for low, high in (two_way_bootstrap([clustered]), two_way_bootstrap([scattered]))]
    assert widths[0] > 2 * widths[1]


def test_auroc() -> None:
    assert auroc(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1
    assert auroc(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0
    assert auroc(np.array([0.5]), np.array([0.5])) == 0.5
