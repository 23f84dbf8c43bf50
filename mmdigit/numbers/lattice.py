"""All spans of a recording, or of a line of writing, that may hold one digit, and what the model makes of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """left_out: (K,), rising, what it costs to leave out all that lies before each place where a digit may begin or
    end; all_left_out: what it costs to leave out everything. first, last: (S,), the places where each span begins and
    ends; scores: (S, 10), the logarithm of the chance that the span holds this digit and nothing else."""

    left_out: Floats
    all_left_out: float
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    scores: Floats
