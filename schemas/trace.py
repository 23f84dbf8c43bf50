"""The trace of a record: the traceparent header of W3C Trace Context, which is untrusted.

Source: https://www.w3.org/TR/trace-context-2/, section 3.2.
"""

from collections.abc import Mapping
from typing import Annotated

from opentelemetry.trace import SpanContext, TraceFlags, format_span_id, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import Field

TRACEPARENT_HEADER = "traceparent"
TRACEPARENT_PATTERN = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
MAX_HEADER_BYTES = 512
"""The propagator ignores longer headers too, but logs a warning for each."""

TraceId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

_KNOWN_FLAGS = TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID
_PROPAGATOR = TraceContextTextMapPropagator()


def trace_of(headers: Mapping[str, bytes]) -> SpanContext | None:
    """The trace in the headers of a record; None if the header is missing or invalid.

    A later version is read as version 00, and the rest of its header is ignored. Whitespace around the value is
    invalid here, though HTTP allows it.
    """
    value = headers.get(TRACEPARENT_HEADER, b"")
    if not 0 < len(value) <= MAX_HEADER_BYTES or not value.isascii() or value != value.strip():
        return None
    trace = get_current_span(_PROPAGATOR.extract({TRACEPARENT_HEADER: value.decode()})).get_span_context()
    return trace if trace.is_valid else None


def traceparent_of(trace: SpanContext) -> str:
    """The traceparent header of the span, version 00, without undefined flags (which the propagator would pass on)."""
    flags = trace.trace_flags & _KNOWN_FLAGS
    return f"00-{format_trace_id(trace.trace_id)}-{format_span_id(trace.span_id)}-{flags:02x}"


def trace_headers(traceparent: str | None) -> dict[str, bytes]:
    """The record headers for traceparent; empty if it is None."""
    return {} if traceparent is None else {TRACEPARENT_HEADER: traceparent.encode()}
