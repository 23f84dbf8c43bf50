"""The count of dead letters of one job: it goes out with a replay as a header, and comes back distrusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER, DeadLetter, replay_headers, times_dead_before
from schemas.trace import trace_of, traceparent_of
from tests.schemas.samples import dead_letters


@given(dead_letters)
def test_a_replay_says_how_often_its_job_was_dead_lettered_and_goes_on_with_its_trace(letter: DeadLetter) -> None:
    headers = replay_headers(letter)
    assert times_dead_before(headers) == letter.times_dead
    trace = trace_of(headers)
    assert (traceparent_of(trace) if trace else None) == letter.traceparent


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b"1.0", b" 1", b"1_0", b"0x1", "²".encode(), "٣".encode(), b"9" * 5000]
)
def test_what_is_no_count_counts_as_none(value: bytes) -> None:
    assert times_dead_before({TIMES_DEAD_HEADER: value}) == 0


@given(st.dictionaries(st.text(max_size=3) | st.just(TIMES_DEAD_HEADER), st.binary(max_size=6)))
def test_whatever_the_headers_are_the_count_is_within_its_bounds(headers: dict[str, bytes]) -> None:
    assert 0 <= times_dead_before(headers) <= MAX_TIMES_DEAD
    assert TIMES_DEAD_HEADER in headers or times_dead_before(headers) == 0


def test_a_count_over_the_bound_is_the_bound() -> None:
    assert times_dead_before({TIMES_DEAD_HEADER: b"9999"}) == MAX_TIMES_DEAD
