"""Drawn logits whose probabilities are known."""

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.decision import softmax


def drawn(count: int, spread: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose softmax is exactly how often each label is right: calibrated at temperature 1."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, spread, (count, 10))
    cumulative = softmax(logits).cumsum(axis=1)
    return logits, (random.random((count, 1)) > cumulative).sum(axis=1).clip(0, 9)
