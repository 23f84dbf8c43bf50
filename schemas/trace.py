"""The trace that a record belongs to: the traceparent header of W3C Trace Context, which anybody may have written.

Source: https://www.w3.org/TR/trace-context-2/, section 3.2.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import Field

TRACEPARENT_HEADER = "traceparent"
TRACEPARENT_PATTERN = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"

TraceId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

_SAMPLED = 0x01
_KNOWN_FLAGS = _SAMPLED | 0x02  # 2: the trace id is random
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of one trace. trace_id: 32, span_id: 16 lower-case hexadecimal digits, not all of them 0."""

    trace_id: str
    span_id: str
    flags: int

    @classmethod
    def begin(cls, source: random.Random) -> Self:
        """The first span of a new trace, sampled."""
        return cls(f"{_nonzero(source, 128):032x}", f"{_nonzero(source, 64):016x}", _SAMPLED)

    def child(self, source: random.Random) -> Self:
        """Another span of the same trace."""
        return replace(self, span_id=f"{_nonzero(source, 64):016x}")

    @property
    def sampled(self) -> bool:
        """Whether whoever began the trace wants to see it."""
        return bool(self.flags & _SAMPLED)

    @property
    def traceparent(self) -> str:
        """As a header of version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def trace_of(headers: Mapping[str, bytes]) -> TraceContext | None:
    """The trace of a record with these headers; None without one, or where the header is no valid traceparent.

    A later version is read as version 00, whatever stands behind; of the flags the two that have a meaning are kept.
    """
    value = headers.get(TRACEPARENT_HEADER)
    if value is None or (match := _TRACEPARENT.fullmatch(value)) is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == b"00" and more is not None:
        return None
    return TraceContext(trace_id.decode(), span_id.decode(), int(flags, 16) & _KNOWN_FLAGS)


def trace_headers(traceparent: str | None) -> dict[str, bytes]:
    """The header that carries it on; none without one."""
    return {} if traceparent is None else {TRACEPARENT_HEADER: traceparent.encode()}


def _nonzero(source: random.Random, bits: int) -> int:
    return source.getrandbits(bits) or 1
