"""The temperature of a head: how far its logits are scaled down so that its probabilities are those of being right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TEMPERATURES = (0.1, 10.0)


def fit_temperature(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """The temperature within TEMPERATURES that minimizes the negative log-likelihood.

    logits: (N, 10); labels: (N,). Returns 1 if there is no wrong answer: then no temperature is too low.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    scaled = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    true_logits = scaled[np.arange(labels.size), labels]
    if bool((logits.argmax(axis=1) == labels).all()):
        return 1.0

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float((np.log(np.exp(scaled / temperature).sum(axis=1)) - true_logits / temperature).mean())

    # Golden-section search: the loss is convex in 1 / temperature and so has one minimum.
    low, high = np.log(TEMPERATURES)
    shrink = (np.sqrt(5) - 1) / 2
    left, middle = high - shrink * (high - low), low + shrink * (high - low)
    at_left, at_middle = loss(left), loss(middle)
    while high - low > 1e-5:
        if at_left <= at_middle:
            high, middle, at_middle = middle, left, at_left
            left = high - shrink * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, middle, at_middle
            middle = low + shrink * (high - low)
            at_middle = loss(middle)
    return round(float(np.exp((low + high) / 2)), 4)
