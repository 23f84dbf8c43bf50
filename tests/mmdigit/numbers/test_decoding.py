"""The likeliest digits of small random lattices: those that trying every way finds."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.numbers.decoding import align, count_scores, decode
from mmdigit.numbers.lattice import Lattice

Way = tuple[int, ...]


@st.composite
def lattices(draw: st.DrawFn) -> Lattice:
    """Up to six places, any of the spans between them, whole scores with ties."""
    size = draw(st.integers(0, 6))
    costs = st.lists(st.integers(0, 5), min_size=size + 1, max_size=size + 1)
    left_out = np.cumsum(draw(costs)).astype(np.float64)
    pairs = [(first, last) for first in range(size) for last in range(first + 1, size)]
    kept = [pair for pair in pairs if draw(st.booleans())]
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    scores = random.integers(-9, 3, (len(kept), 10)).astype(np.float64)
    ends = np.array(kept, np.int64).reshape(-1, 2)
    return Lattice(left_out[:size], float(left_out[-1]), ends[:, 0], ends[:, 1], scores)


def ways(lattice: Lattice, start: int = 0) -> Iterator[Way]:
    """Every row of spans that do not overlap."""
    yield ()
    for span in range(lattice.first.size):
        if lattice.first[span] >= start:
            yield from ((span, *rest) for rest in ways(lattice, int(lattice.last[span])))


def score(lattice: Lattice, way: Way) -> float:
    covered = sum(lattice.left_out[lattice.last[span]] - lattice.left_out[lattice.first[span]] for span in way)
    return float(sum(lattice.scores[span].max() for span in way) - (lattice.all_left_out - covered))


@given(lattices())
def test_counts_score_as_their_best_way(lattice: Lattice) -> None:
    found = count_scores(lattice, 4)
    every = [way for way in ways(lattice) if len(way) <= 4]
    for count in range(5):
        expected = max((score(lattice, way) for way in every if len(way) == count), default=-np.inf)
        assert found[count] == pytest.approx(expected)


@given(lattices(), st.integers(1, 4))
def test_decoded_way_is_the_best(lattice: Lattice, count: int) -> None:
    decoded = decode(lattice, count)
    every = [way for way in ways(lattice) if len(way) == count]
    if not every:
        assert decoded is None
        return
    assert decoded is not None
    best = max(score(lattice, way) for way in every)
    found = tuple(decoded.spans.tolist())
    assert found in every
    assert score(lattice, found) == pytest.approx(best)
    for place in range(count):
        for digit in range(10):
            expected = max(
                score(lattice, way) + lattice.scores[way[place], digit] - lattice.scores[way[place]].max()
                for way in every
            )
            assert decoded.scores[place, digit] == pytest.approx(expected)
    assert decoded.scores.max(axis=1) == pytest.approx(best)


@given(lattices(), st.integers(1, 3), st.integers(0, 99))
def test_digits_are_cut_by_what_is_expected_of_the_others(lattice: Lattice, count: int, seed: int) -> None:
    expected = -np.random.default_rng(seed).integers(0, 9, (count, 10)).astype(np.float64)
    rows = align(lattice, expected)
    every = [way for way in ways(lattice) if len(way) == count]
    if not every:
        assert rows is None
        return
    assert rows is not None
    for place, row in enumerate(rows.tolist()):

        def total(way: Way, own: int = place) -> float:
            gains = (
                (lattice.scores[span] + expected[other]).max() - lattice.scores[span].max()
                for other, span in enumerate(way)
                if other != own
            )
            return score(lattice, way) + float(sum(gains))

        best = max(total(way) for way in every)
        assert max(total(way) for way in every if way[place] == row) == pytest.approx(best)


def test_nothing_has_no_digits() -> None:
    none = np.zeros(0, np.int64)
    lattice = Lattice(np.zeros(0), 1.5, none, none, np.zeros((0, 10)))
    assert count_scores(lattice, 2).tolist() == [-1.5, -np.inf, -np.inf]
    assert decode(lattice, 1) is None
