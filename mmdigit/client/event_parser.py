"""EventParser: bytes of a stream to server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, lines that end with LF or CRLF.
"""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.errors import ApiError

MAX_EVENT_BYTES = 4 * 1024 * 1024


class ServerEvent(NamedTuple):
    """One event. id: the last one that the stream gave."""

    kind: str
    id: str
    data: str


class EventParser:
    """Parses one connection's stream; an event that the stream's end cuts off is none."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[str] = []
        self._size = 0
        self._kind = ""
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that chunk completes. Raises ApiError if one is larger than MAX_EVENT_BYTES."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            event = self._take(self._line.removesuffix(b"\r").decode(errors="replace"))
            self._line.clear()
            if event is not None:
                yield event
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._size += len(part) + 1  # with its end
        if self._size > MAX_EVENT_BYTES:
            got = f"expected events of at most {MAX_EVENT_BYTES} bytes, got a larger one; check the address"
            raise ApiError(200, "Invalid stream", got)
        self._line += part

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None  # a comment, or a field that nobody needs

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent(self._kind or "message", self._id, "\n".join(self._data)) if self._data else None
        self._data, self._kind, self._size = [], "", 0
        return event
