"""Thresholds follow from the validation answers by rule."""

import numpy as np
import pytest

from mmdigit.training.thresholds import CONFIDENCES, confidence_threshold, novelty_threshold


@pytest.mark.parametrize(
    ("wrong_below", "expected"),
    [(0.0, CONFIDENCES[0]), (0.75, 0.8), (0.9, 0.9), (1.1, CONFIDENCES[-1])],
)
def test_the_lowest_confidence_that_meets_the_target(wrong_below: float, expected: float) -> None:
    confidence = np.linspace(0.4, 1, 1000)
    assert confidence_threshold(confidence >= wrong_below, confidence, 0.001) == expected


def test_a_novelty_threshold_is_at_least_one_half() -> None:
    assert novelty_threshold(np.full(100, 0.01)) == 0.5
    assert 0.9 < novelty_threshold(np.linspace(0, 1, 1000)) < 1
