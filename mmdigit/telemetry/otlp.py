"""Exports spans over OTLP with OpenTelemetry's SDK: in a background thread, from a bounded queue."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Tracer

from mmdigit.settings.redaction import redact
from schemas import VERSION

log = logging.getLogger(__name__)

MAX_QUEUED = 4096
"""Spans queued or in flight: a traced job has 6, its batch 1."""
MAX_SPANS_OF_A_JOB = 6
MAX_REQUEST_SPANS = 512
EXPORT_EVERY_S = 1.0
REQUEST_TIMEOUT_S = 5.0  # for all attempts; meanwhile the queue fills
CLOSE_WITHIN_S = 2.0
WARN_EVERY_S = 60.0


@contextmanager
def otlp_tracer(endpoint: str, service: str, count: Callable[[str, int], object]) -> Iterator[Tracer]:
    """As open_tracer in spans.py. OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE and OTEL_RESOURCE_ATTRIBUTES apply."""
    exporter = _CountingExporter(endpoint, count)
    processor = _BoundedProcessor(exporter, count)
    resource = Resource.create(
        {
            "service.name": service,
            "service.version": VERSION,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
    )
    # An explicit sampler: OTEL_TRACES_SAMPLER would drop spans of jobs that were sampled already.
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield provider.get_tracer("mmdigit", VERSION)
    finally:
        # The SDK's shutdown waits up to 30 s for a collector that does not answer.
        ending = threading.Thread(target=processor.shutdown, name="spans-end", daemon=True)
        ending.start()
        ending.join(CLOSE_WITHIN_S)
        if ending.is_alive():
            exporter.shutdown()  # no further attempts
            log.warning("exiting before every span was sent", extra={"collector": exporter.place})


class _CountingExporter(SpanExporter):
    """Counts what OpenTelemetry's exporter does, and logs its failures once a minute. Runs in the SDK's thread."""

    def __init__(self, endpoint: str, count: Callable[[str, int], object]) -> None:
        self.place = redact(endpoint)
        self.finished = 0
        """Spans exported or failed."""
        self._count = count
        self._first_error = _FirstError()
        self._warned_at_s = float("-inf")
        self._exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=REQUEST_TIMEOUT_S)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._first_error.text = ""
        result = self._exporter.export(spans)
        self._count("exported" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        self.finished += len(spans)
        if result is not SpanExportResult.SUCCESS and time.monotonic() - self._warned_at_s >= WARN_EVERY_S:
            self._warned_at_s = time.monotonic()
            log.warning(
                "the collector accepts no spans; jobs continue without them",
                extra={"collector": self.place, "error": self._first_error.text},
            )
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _BoundedProcessor(BatchSpanProcessor):
    """Drops all spans of a job when the queue is full. The SDK would drop the oldest spans of any job, uncounted.

    The spans of a job must end one after another, the one with a kind first.
    """

    def __init__(self, exporter: _CountingExporter, count: Callable[[str, int], object]) -> None:
        super().__init__(
            exporter,
            max_queue_size=MAX_QUEUED,
            schedule_delay_millis=EXPORT_EVERY_S * 1000,
            max_export_batch_size=MAX_REQUEST_SPANS,
        )
        self._exporter = exporter
        self._count = count
        self._lock = threading.Lock()
        self._accepted = 0
        self._has_room = True

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            # The first span of a job, or the only one of a batch or of a sent job.
            if span.parent is None or span.kind is not SpanKind.INTERNAL:
                self._has_room = self._accepted - self._exporter.finished <= MAX_QUEUED - MAX_SPANS_OF_A_JOB
            has_room = self._has_room
            self._accepted += has_room
        if has_room:
            super().on_end(span)
        else:
            self._count("dropped", 1)


class _FirstError(logging.Handler):
    """Keeps the first message that OpenTelemetry logs about an export, which is the cause; later ones are retries."""

    text = ""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        libraries = logging.getLogger("opentelemetry")
        libraries.handlers = [self]
        libraries.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()
