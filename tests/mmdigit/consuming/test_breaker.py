"""The breaker opens on too many dead letters in a row, or too large a share of a full window."""

from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.consuming.breaker import Breaker
from schemas.dead_letter import DeadLetter
from schemas.errors import TooManyDeadLetters
from schemas.prediction import Prediction
from tests.worker.fakes import NOON, Bench, FakeConsumer, job_value, record


def results(pattern: str) -> list[Prediction | DeadLetter]:
    """The outcomes of a pattern: "." is a prediction, "x" a dead letter."""
    bench = Bench(FakeConsumer([record(0, job_value("a")), record(1, b"bad")]))
    bench.worker.run_once()
    [prediction], [letter] = bench.store.predictions.values(), bench.publisher.letters
    assert letter.last_seen == NOON
    return [letter if mark == "x" else prediction for mark in pattern]


@pytest.mark.parametrize(
    ("in_a_row", "share", "window", "pattern", "opens"),
    [
        (3, 1.0, 10, "xx.xx.xx", False),
        (3, 1.0, 10, "x.xxx", True),
        (0, 1.0, 10, "x" * 50, False),
        (0, 0.5, 4, "xxx", False),  # the window is not full yet
        (0, 0.5, 4, "xx..xx", False),
        (0, 0.5, 4, "x.x.xx", True),
        (0, 1.0, 4, "xxxxxxxx", False),  # 1 = never
    ],
)
def test_breaker_opens_on_a_run_or_a_share_of_dead_letters(
    in_a_row: int, share: float, window: int, pattern: str, opens: bool
) -> None:
    for batch in (1, 3, 100):  # for any batch size
        breaker, marks = Breaker(in_a_row, share, window), results(pattern)
        batches = [marks[start : start + batch] for start in range(0, len(marks), batch)]
        expected = pytest.raises(TooManyDeadLetters, match="raise --breaker-in-a-row") if opens else nullcontext()
        with expected:
            for part in batches:
                breaker.count(part)


@pytest.mark.parametrize(
    ("in_a_row", "share", "window", "pattern", "fill"),
    [
        (10, 1.0, 10, "", 0.0),
        (10, 1.0, 10, ".xxxxx", 0.5),
        (10, 1.0, 10, "xxxxx.", 0.0),
        (0, 1.0, 10, "xxxxxxxx", 0.0),  # no limit is set
        (0, 0.5, 8, "xx..", 0.5),  # measured against the full window
        (20, 0.5, 4, ".x.x", 1.0),  # at the limit
    ],
)
def test_fill_is_1_when_the_breaker_opens(in_a_row: int, share: float, window: int, pattern: str, fill: float) -> None:
    breaker = Breaker(in_a_row, share, window)
    breaker.count(results(pattern))
    assert breaker.fill == pytest.approx(fill)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(pattern=st.text("x.", max_size=60), window=st.integers(1, 20), share=st.floats(0.1, 1))
def test_share_is_of_the_last_jobs(pattern: str, window: int, share: float) -> None:
    breaker, marks = Breaker(0, share, window), dict(zip("x.", results("x."), strict=True))
    for end in range(1, len(pattern) + 1):
        last = pattern[max(0, end - window) : end]
        too_many = len(last) == window and pattern[end - 1] == "x" and last.count("x") > share * window
        if too_many:
            with pytest.raises(TooManyDeadLetters, match=f"{last.count('x')} dead letters among the last {window}"):
                breaker.count([marks["x"]])
        else:
            breaker.count([marks[pattern[end - 1]]])
