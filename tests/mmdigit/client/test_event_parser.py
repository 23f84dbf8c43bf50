"""EventParser: server-sent events from bytes that arrive in any pieces."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.client.event_parser import MAX_EVENT_BYTES, EventParser, ServerEvent
from schemas.errors import ApiError

STREAM = (
    "retry: 1000\n\n"
    ": waiting\n\n"
    "id: 1\nevent: outcome\ndata: {\"a\": 1}\n\n"
    "id: 2\r\nevent: outcome\r\ndata: é\u2028 one line\r\ndata:two\r\n\r\n"
    "data\n\n"
    "id: 3\ndata: cut off\n"
).encode()  # fmt: skip
EVENTS = [
    ServerEvent("outcome", "1", '{"a": 1}'),
    ServerEvent("outcome", "2", "é\u2028 one line\ntwo"),
    ServerEvent("message", "2", ""),
]


def parsed(chunks: Iterable[bytes]) -> list[ServerEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_events_are_those_of_the_standard() -> None:
    assert parsed([STREAM]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    ends = sorted({0, *cuts, len(STREAM)})
    assert parsed(STREAM[start:end] for start, end in pairwise(ends)) == EVENTS


@pytest.mark.parametrize("line", [b"data: x", b"data: x\n", b": x\n"], ids=["one-line", "lines", "comments"])
def test_event_without_end_is_refused(line: bytes) -> None:
    with pytest.raises(ApiError, match="expected events of at most"):
        parsed([line * 1000] * (MAX_EVENT_BYTES // len(line) // 1000 + 2))


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_none(content: bytes) -> None:
    assert all(isinstance(event, ServerEvent) for event in parsed([content, b"\n\n"]))
