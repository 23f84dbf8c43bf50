"""Lines come out alike however the body is cut, and none takes more memory than its limit."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mmdigit.gateway.intake.json_lines import Line, LineSplitter

BODIES = st.lists(st.sampled_from([b"\n", b"\r\n", b"{}", b"abcdefgh", b"abcdefghi", b" ", b"\xff", b"\0"])).map(
    b"".join
)


def lines_of(chunks: Sequence[bytes], max_bytes: int = 8) -> list[Line]:
    splitter = LineSplitter(max_bytes)
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    return found + list(splitter.end())


def expected(body: bytes, max_bytes: int = 8) -> list[Line]:
    return [
        Line(number, line.strip() if len(line) <= max_bytes else None)
        for number, line in enumerate(body.split(b"\n"), 1)
    ]


@given(BODIES, st.lists(st.integers(0, 200)))
def test_lines_do_not_depend_on_the_chunks(body: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut <= len(body)), len(body)]
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert lines_of(chunks) == expected(body)


def test_blank_lines_have_no_content() -> None:
    assert lines_of([b"a\n\n  \r\nb\r\n"]) == [Line(1, b"a"), Line(2, b""), Line(3, b""), Line(4, b"b"), Line(5, b"")]


def test_last_line_needs_no_end() -> None:
    assert lines_of([b"a\nb"]) == [Line(1, b"a"), Line(2, b"b")]


def test_long_line_is_dropped_as_it_arrives() -> None:
    splitter = LineSplitter(8)
    for _ in range(1000):
        assert list(splitter.feed(b"x" * 1000)) == []
        assert sum(map(len, splitter._begun)) <= 8
    assert list(splitter.feed(b"\nab\n")) == [Line(1, None), Line(2, b"ab")]
