"""The exact upper bound of an error rate, from a count of errors. Needs numpy only."""

import math

import numpy as np


def binomial_tail(wrong: int, total: int, error: float) -> float:
    """The probability of at most `wrong` errors in `total` answers, each wrong with probability `error`."""
    if error <= 0:
        return 1.0
    if error >= 1:
        return 1.0 if wrong >= total else 0.0
    up_to = np.arange(1, wrong + 1)
    # log C(total, k) for k = 0 .. wrong, as sums of logarithms: factorials would overflow.
    ways = np.concatenate([[0.0], np.cumsum(np.log(total - up_to + 1) - np.log(up_to))])
    k = np.arange(wrong + 1)
    return float(min(1.0, np.exp(ways + k * math.log(error) + (total - k) * math.log1p(-error)).sum()))


def error_bound(wrong: int, total: int, level: float = 0.95) -> float:
    """The exact one-sided upper bound of the error rate, range [0, 1]; 1 if there are no answers.

    Raises ValueError if wrong is outside [0, total]. Source: Clopper and Pearson 1934.
    """
    if not 0 <= wrong <= total:
        raise ValueError(f"expected 0 to {total} wrong answers, got {wrong}")
    if wrong == total:
        return 1.0
    low, high = wrong / total, 1.0
    for _ in range(60):  # bisection, to far below the precision that is ever printed
        middle = (low + high) / 2
        if binomial_tail(wrong, total, middle) > 1 - level:
            low = middle
        else:
            high = middle
    return high
