"""Percentiles of a few thousand values, as the decoders need them for each job."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def percentiles(values: NDArray[Any], *percents: float) -> list[float]:
    """As numpy.percentile, which takes several times as long on so few; NaN if there are no values.

    values: of any shape; percents: each within 0-100.
    """
    if values.size == 0:
        return [math.nan] * len(percents)
    ordered = np.sort(values, axis=None)
    found = []
    for percent in percents:
        place = percent / 100 * (ordered.size - 1)
        low, high = float(ordered[int(place)]), float(ordered[min(int(place) + 1, ordered.size - 1)])
        found.append(low + (high - low) * (place - int(place)))
    return found
