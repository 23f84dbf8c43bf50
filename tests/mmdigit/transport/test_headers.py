"""Record headers: limits for headers from untrusted writers."""

from hypothesis import given
from hypothesis import strategies as st

from mmdigit.transport.headers import MAX_HEADERS, MAX_HEADERS_BYTES, bounded, decode, encode, require_sendable

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_bounded_keeps_the_last_of_equal_names() -> None:
    assert bounded([("a", b"1"), ("b", None), ("a", b"2")]) == {"a": b"2", "b": b""}


def test_bounded_drops_headers_over_the_limits() -> None:
    assert list(bounded((str(n), b"") for n in range(10_000))) == [str(n) for n in range(MAX_HEADERS)]
    assert bounded([("a", b"1"), ("b", bytes(MAX_HEADERS_BYTES)), ("c", b"3")]) == {"a": b"1"}
    assert bounded([("é" * (MAX_HEADERS_BYTES // 2), b"1")]) == {}


@given(st.lists(st.tuples(names, st.none() | st.binary(max_size=2 * MAX_HEADERS_BYTES)), max_size=2 * MAX_HEADERS))
def test_bounded_headers_are_sendable_and_round_trip(headers: list[tuple[str, bytes | None]]) -> None:
    found = bounded(headers)
    assert require_sendable(found) <= MAX_HEADERS_BYTES
    assert decode(encode(found)) == found
    assert bounded(list(found.items())) == found
