"""Where spans go: to an OpenTelemetry collector, or nowhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated
from urllib.parse import urlsplit

from opentelemetry.trace import NoOpTracer, Tracer
from pydantic import Field

from mmdigit.settings.redaction import redact
from schemas.errors import SettingsError

OtlpEndpoint = Annotated[
    str | None,
    Field(
        min_length=1,
        repr=False,
        description="OpenTelemetry collector that spans are sent to (OTLP over HTTP), http://host:4318; needs "
        "the extra otel. By default no spans are made",
    ),
]
"""The setting of each program that exports spans."""


def open_tracer(
    endpoint: str | None, service: str, count: Callable[[str, int], object]
) -> AbstractContextManager[Tracer]:
    """A tracer that sends the spans of service to the collector at endpoint; without an endpoint it makes none.

    Spans are exported in the background, and never stop or delay the caller. The end of the block exports the rest, for
    a few seconds at most. count receives, in any thread, what happened to how many spans: "exported"; "failed", the
    collector refused them; "dropped", the queue was full.

    Raises SettingsError if endpoint is not an http:// or https:// URL, or if the extra otel is not installed. A
    collector that does not answer raises nothing.
    """
    if endpoint is None:
        return nullcontext(NoOpTracer())
    try:
        parts = urlsplit(endpoint)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        _ = parts.port  # raises ValueError if it is none
    except ValueError:
        is_valid = False
    if not is_valid:
        raise SettingsError(
            f"expected the URL of a collector as otlp_endpoint, got {redact(endpoint)!r}; for example "
            "http://localhost:4318"
        )
    try:
        from mmdigit.telemetry.otlp import otlp_tracer
    except ImportError as error:
        raise SettingsError(
            "expected the packages opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http for otlp_endpoint, got "
            "none; run `pip install 'mmdigit[otel]'` first"
        ) from error
    return otlp_tracer(endpoint, service, count)
