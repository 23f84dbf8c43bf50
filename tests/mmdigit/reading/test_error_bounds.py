"""The bound of an error rate, against known values and properties."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.reading.error_bounds import binomial_tail, error_bound


@pytest.mark.parametrize(
    ("wrong", "total", "bound"),
    # Expected values: R 4.3, qbeta(0.95, wrong + 1, total - wrong); for no error 1 - 0.05^(1/n).
    [(0, 300, 0.0099360), (1, 10, 0.3941633), (5, 100, 0.1022534), (0, 1, 0.95), (10, 10, 1.0), (0, 0, 1.0)],
)
def test_error_bound(wrong: int, total: int, bound: float) -> None:
    assert error_bound(wrong, total) == pytest.approx(bound, abs=1e-6)


def test_error_bound_of_many_answers_is_nearly_normal() -> None:
    share = 150 / 300_000
    assert error_bound(150, 300_000) == pytest.approx(share + 1.645 * (share / 300_000) ** 0.5, rel=0.01)


@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total - 1), st.just(total))))
def test_error_bound_is_exceeded_once_in_twenty(counts: tuple[int, int]) -> None:
    wrong, total = counts
    bound = error_bound(wrong, total)
    assert wrong / total < bound < 1
    assert binomial_tail(wrong, total, bound) == pytest.approx(0.05, abs=1e-6)


@given(st.integers(0, 40), st.floats(0.01, 0.99))
def test_binomial_tail_equals_the_exact_sum(wrong: int, error: float) -> None:
    exact = sum(comb(40, k) * error**k * (1 - error) ** (40 - k) for k in range(wrong + 1))
    assert binomial_tail(wrong, 40, error) == pytest.approx(exact, abs=1e-9)


def test_error_bound_refuses_more_errors_than_answers() -> None:
    with pytest.raises(ValueError, match="0 to 3 wrong answers, got 4"):
        error_bound(4, 3)
