"""Fast percentiles of a few thousand values, for the decoders."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def percentiles(values: NDArray[Any], *percents: float) -> list[float]:
    """As numpy.percentile, but several times as fast on so few values; NaN if there are none.

    values: any shape. percents: range [0, 100].
    """
    ordered = np.sort(values, axis=None)
    return [percentile_of_sorted(ordered, percent) for percent in percents]


def percentile(values: NDArray[Any], percent: float) -> float:
    """As percentiles, but one number."""
    return percentile_of_sorted(np.sort(values, axis=None), percent)


def percentile_of_sorted(ordered: NDArray[Any], percent: float) -> float:
    """As percentile, of values that are in order already, (N,)."""
    if ordered.size == 0:
        return math.nan
    rank = percent / 100 * (ordered.size - 1)
    low, high = float(ordered[int(rank)]), float(ordered[min(int(rank) + 1, ordered.size - 1)])
    return low + (high - low) * (rank - int(rank))
