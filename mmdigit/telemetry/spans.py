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
        "the extra otel. By default there are none",
    ),
]
"""The setting of each program that exports spans."""


def open_tracer(
    endpoint: str | None, service: str, count: Callable[[str, int], object]
) -> AbstractContextManager[Tracer]:
    """A tracer whose spans go to the collector at endpoint, as that service's; one that makes none if it is None.

    Spans are exported in the background: whoever makes and ends them is never stopped or delayed by it. At the end
    of the block what is left is exported, for a few seconds at most. count gets what became of them and how many, in
    any thread: exported; failed, the collector did not take them; dropped, too many were waiting already.

    Raises SettingsError if endpoint is no http:// or https:// URL, or the extra otel is not installed. A
    collector that does not answer raises nothing.
    """
    if endpoint is None:
        return nullcontext(NoOpTracer())
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
        from mmdigit.telemetry.otlp import otlp_tracer
    except ImportError as error:
        raise SettingsError(
            "expected the packages opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http for otlp_endpoint, got "
            "none; run `pip install 'mmdigit[otel]'` first"
        ) from error
    return otlp_tracer(endpoint, service, count)
