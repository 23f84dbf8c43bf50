"""Splits a body of JSON Lines as it arrives, in memory that does not grow with the body."""

from collections.abc import Iterator
from typing import NamedTuple


class Line(NamedTuple):
    """A line of a body. number: from 1. content: without its end; None if it is longer than the limit."""

    number: int
    content: bytes | None


class LineSplitter:
    """The lines of one body: the same ones however it is cut into chunks. Blank lines count, and have no content."""

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: of one line."""
        self._max_bytes = max_bytes
        self._number = 1
        self._begun: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that this chunk ends."""
        *ended, begun = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            yield from self._end()
        self._add(begun)

    def end(self) -> Iterator[Line]:
        """The last line, which needs no line end."""
        yield from self._end()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._max_bytes:
            if part:
                self._begun.append(part)
        else:
            self._begun.clear()

    def _end(self) -> Iterator[Line]:
        line = Line(self._number, b"".join(self._begun).strip() if self._size <= self._max_bytes else None)
        self._number += 1
        self._begun.clear()
        self._size = 0
        yield line
