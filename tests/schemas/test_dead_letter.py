"""times_dead travels with a replay as a header, which is not trusted when it returns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER, DeadLetter, replay_headers, times_dead_before
from schemas.trace import trace_of, traceparent_of
from tests.schemas.samples import dead_letters


@given(dead_letters)
def test_replay_headers_carry_times_dead_and_the_trace(letter: DeadLetter) -> None:
    headers = replay_headers(letter)
    assert times_dead_before(headers) == letter.times_dead
    trace = trace_of(headers)
    assert (traceparent_of(trace) if trace else None) == letter.traceparent


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b"1.0", b" 1", b"1_0", b"0x1", "²".encode(), "٣".encode(), b"9" * 5000]
)
def test_times_dead_before_is_0_for_an_invalid_number(value: bytes) -> None:
    assert times_dead_before({TIMES_DEAD_HEADER: value}) == 0


@given(st.dictionaries(st.text(max_size=3) | st.just(TIMES_DEAD_HEADER), st.binary(max_size=6)))
def test_times_dead_before_is_bounded_for_any_header(headers: dict[str, bytes]) -> None:
    assert 0 <= times_dead_before(headers) <= MAX_TIMES_DEAD
    assert TIMES_DEAD_HEADER in headers or times_dead_before(headers) == 0


def test_times_dead_before_is_capped() -> None:
    assert times_dead_before({TIMES_DEAD_HEADER: b"9999"}) == MAX_TIMES_DEAD
