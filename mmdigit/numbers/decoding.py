"""The digits of a lattice: the likeliest way to cut it, and the likeliest of those with another digit at a place.

A way is a row of spans that do not overlap. What it leaves out costs; a span scores as its digit does.
Source: Rabiner 1989, "A Tutorial on Hidden Markov Models", the Viterbi path, forward and backward.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.lattice import Floats, Lattice

MAX_DIGITS = 64
NONE = -np.inf


@dataclass(frozen=True, eq=False)
class Decoded:
    """spans: (n,), rows of the lattice, of the likeliest way; scores: (n, 10), of the likeliest way with this
    digit at this position."""

    spans: NDArray[np.int64]
    scores: Floats


def count_scores(lattice: Lattice, most: int = MAX_DIGITS) -> Floats:
    """The score of the likeliest way with 0 to `most` digits, (most + 1,)."""
    if not lattice.left_out.size:
        return np.where(np.arange(most + 1) == 0, -lattice.all_left_out, NONE)
    forward, _ = _forward(lattice, _same_at_all_places(lattice, most))
    return np.asarray(forward[:, -1] - _after(lattice), np.float64)


def decode(lattice: Lattice, count: int) -> Decoded | None:
    """The likeliest digits if there are `count` of them; None if no way has that many. count: 1 to MAX_DIGITS."""
    best = _same_at_all_places(lattice, count)
    forward, came_by = _forward(lattice, best)
    if not forward.size or not np.isfinite(forward[count, -1]):
        return None
    backward = _backward(lattice, best[0], count)
    scores = np.empty((count, 10))
    for place in range(count):
        ways = forward[place, lattice.first] + backward[count - place - 1, lattice.last]
        scores[place] = (ways[:, None] + lattice.scores).max(axis=0)
    return Decoded(_path(lattice, came_by), scores)


def align(lattice: Lattice, expected: Floats) -> NDArray[np.int64] | None:
    """The span of each of n digits, (n,), on the likeliest way by what is expected of the others; None if there is no
    way with n digits.

    expected: (n, 10), at most 0: log-probabilities of each digit from elsewhere, such as the writing.
    """
    if not lattice.scores.size:
        return None
    known = np.stack([(lattice.scores + row).max(axis=1) for row in expected])
    chosen = np.empty(len(expected), np.int64)
    for place in range(len(expected)):
        others = known.copy()
        others[place] = lattice.scores.max(axis=1)
        forward, came_by = _forward(lattice, others)
        if not np.isfinite(forward[-1, -1]):
            return None
        chosen[place] = _path(lattice, came_by)[place]
    return chosen


def _same_at_all_places(lattice: Lattice, count: int) -> Floats:
    """The score of each span as its likeliest digit, (count, S)."""
    best = lattice.scores.max(axis=1) if lattice.scores.size else np.zeros(0)
    return np.broadcast_to(best, (count, best.size))


def _skips(lattice: Lattice) -> Floats:
    """The cost of going from each place to the next outside of a span, (K - 1,)."""
    return np.diff(lattice.left_out)


def _after(lattice: Lattice) -> float:
    """The cost of what lies behind the last place."""
    return lattice.all_left_out - (float(lattice.left_out[-1]) if lattice.left_out.size else 0.0)


def _forward(lattice: Lattice, scores: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(n + 1, K) each: the score of the likeliest way up to a place with that many digits, and the span that ends there
    on it, -1 = none. scores: (n, S), of each span as the digit at each position."""
    size, count = lattice.left_out.size, len(scores)
    table, came_by = np.full((count + 1, size), NONE), np.full((count + 1, size), -1)
    table[0] = -lattice.left_out
    skips, order = _skips(lattice), np.argsort(lattice.last, kind="stable")
    ends = np.searchsorted(lattice.last[order], np.arange(size + 1))
    for place in range(1, size):
        spans = order[ends[place] : ends[place + 1]]
        table[1:, place] = table[1:, place - 1] - skips[place - 1]
        if spans.size:
            arriving = table[:-1, lattice.first[spans]] + scores[:, spans]
            best = arriving.argmax(axis=1)
            values = arriving[np.arange(count), best]
            better = values > table[1:, place]
            table[1:, place][better] = values[better]
            came_by[1:, place][better] = spans[best[better]]
    return table, came_by


def _backward(lattice: Lattice, scores: Floats, most: int) -> Floats:
    """As _forward, from a place to the end."""
    size = lattice.left_out.size
    table = np.full((most + 1, size), NONE)
    table[0] = lattice.left_out - lattice.all_left_out
    skips, order = _skips(lattice), np.argsort(lattice.first, kind="stable")
    starts = np.searchsorted(lattice.first[order], np.arange(size + 1))
    for place in range(size - 2, -1, -1):
        spans = order[starts[place] : starts[place + 1]]
        column = table[1:, place + 1] - skips[place]
        if spans.size:
            column = np.maximum(column, (table[:-1, lattice.last[spans]] + scores[spans]).max(axis=1))
        table[1:, place] = column
    return table


def _path(lattice: Lattice, came_by: NDArray[np.int64]) -> NDArray[np.int64]:
    """The spans of the likeliest way, (n,). came_by: of _forward."""
    chosen, place = [], lattice.left_out.size - 1
    for digits in range(len(came_by) - 1, 0, -1):
        while came_by[digits, place] < 0:
            place -= 1
        chosen.append(int(came_by[digits, place]))
        place = int(lattice.first[chosen[-1]])
    return np.array(chosen[::-1], np.int64)
