"""Record headers: what is kept of those that anybody may have written."""

from hypothesis import given
from hypothesis import strategies as st

from mmdigit.transport.headers import MAX_HEADERS, MAX_HEADERS_BYTES, kept, packed, require_sendable, unpacked

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_the_last_of_equal_names_counts_and_a_missing_value_is_empty() -> None:
    assert kept([("a", b"1"), ("b", None), ("a", b"2")]) == {"a": b"2", "b": b""}


def test_what_is_over_the_limits_is_left_out() -> None:
    assert list(kept((str(n), b"") for n in range(10_000))) == [str(n) for n in range(MAX_HEADERS)]
    assert kept([("a", b"1"), ("b", bytes(MAX_HEADERS_BYTES)), ("c", b"3")]) == {"a": b"1"}
    assert kept([("é" * (MAX_HEADERS_BYTES // 2), b"1")]) == {}


@given(st.lists(st.tuples(names, st.none() | st.binary(max_size=2 * MAX_HEADERS_BYTES)), max_size=2 * MAX_HEADERS))
def test_what_is_kept_may_be_sent_on_and_is_read_back(headers: list[tuple[str, bytes | None]]) -> None:
    found = kept(headers)
    assert require_sendable(found) <= MAX_HEADERS_BYTES
    assert unpacked(packed(found)) == found
    assert kept(list(found.items())) == found
