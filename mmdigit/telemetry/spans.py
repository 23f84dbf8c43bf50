"""Spans: what happened to one job, or one batch, from when to when; and the port that exports them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, Self
from urllib.parse import urlsplit

from pydantic import Field

from mmdigit.settings.redaction import redact
from schemas.errors import SettingsError
from schemas.trace import TraceContext

OtlpEndpoint = Annotated[
    str | None,
    Field(
        min_length=1,
        repr=False,
        description="OpenTelemetry collector that spans are sent to (OTLP over HTTP), http://host:4318; needs "
        "the extra otel. By default there are none",
    ),
]
"""The setting of each program that exports spans."""

SpanOutcome = Literal["exported", "failed", "dropped"]
"""Of a span: the collector took it; or did not; or too many were waiting for it already."""

CountSpans = Callable[[SpanOutcome, int], object]


@dataclass(frozen=True, slots=True)
class Span:
    """One span. start_s, end_s: since the epoch. parent: None for the first span of its trace."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    kind: Literal["producer", "consumer", "internal"]
    start_s: float
    end_s: float
    attributes: Mapping[str, str | int]
    link: TraceContext | None = None
    """A span of another trace that it belongs to as well."""
    error: str = ""
    """Its kind, of few; empty where all went well."""


class Spans(Protocol):
    """Exports spans in the background: whoever hands them over is never stopped or delayed by it."""

    def add(self, spans: Sequence[Span]) -> None:
        """Hand over spans, all of them, or none where too many are waiting already. Never waits, raises nothing.

        May be called from any thread.
        """
        ...

    def close(self) -> None:
        """Export what is left, for a few seconds at most. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...


def open_spans(endpoint: str, service: str, count: CountSpans) -> Spans:
    """Spans to the collector at endpoint, as of that service. count hears what became of them, in any thread.

    Raises SettingsError if endpoint is no http:// or https:// URL, or the OpenTelemetry packages are not installed. A
    collector that does not answer raises nothing.
    """
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        _ = parts.port  # raises ValueError if it is none
    except ValueError:
        good = False
    if not good:
        raise SettingsError(
            f"expected the URL of a collector as otlp_endpoint, got {redact(endpoint)!r}; for example "
            "http://localhost:4318"
        )
    try:
        from mmdigit.telemetry.otlp import OtlpSpans
    except ImportError as error:
        raise SettingsError(
            "expected the packages opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http for otlp_endpoint, got "
            "none; run `pip install 'mmdigit[otel]'` first"
        ) from error
    return OtlpSpans(endpoint, service, count)
