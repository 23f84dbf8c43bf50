"""Logistic regression with weights that never lower a confidence."""

import numpy as np

from lab.benchmarks.strings.calibrating import _logistic


def test_weights_follow_the_terms_and_stay_positive() -> None:
    random = np.random.default_rng(0)
    terms = np.column_stack([np.ones(2000), random.uniform(0, 4, (2000, 2))])
    target = (random.uniform(size=2000) < 1 / (1 + np.exp(3 - 2 * terms[:, 1] + terms[:, 2]))).astype(np.float64)
    intercept, rising, falling = _logistic(terms, target)
    assert intercept < 0
    assert rising > 1
    assert falling == 0
