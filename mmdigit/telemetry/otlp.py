"""Exports spans over OTLP, by OpenTelemetry's own SDK: in a thread of its own, from a queue with a bound."""

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
"""Spans that wait or are on their way: 6 of a traced job, 1 of its batch."""
MAX_SPANS_OF_A_JOB = 6
MAX_REQUEST_SPANS = 512
EXPORT_EVERY_S = 1.0
REQUEST_TIMEOUT_S = 5.0  # of all its tries; meanwhile the queue fills
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
    # The sampler is given here, lest OTEL_TRACES_SAMPLER leave out what was drawn already.
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield provider.get_tracer("mmdigit", VERSION)
    finally:
        # The SDK's own end waits up to half a minute for a collector that does not answer.
        ending = threading.Thread(target=processor.shutdown, name="spans-end", daemon=True)
        ending.start()
        ending.join(CLOSE_WITHIN_S)
        if ending.is_alive():
            exporter.shutdown()  # no further try of what is on its way, and none of the rest
            log.warning("left before every span was sent", extra={"collector": exporter.place})


class _CountingExporter(SpanExporter):
    """OpenTelemetry's exporter, counted; what it logs of each try is one line a minute. Runs in the SDK's thread."""

    def __init__(self, endpoint: str, count: Callable[[str, int], object]) -> None:
        self.place = redact(endpoint)
        self.done = 0
        """Spans that are exported or failed."""
        self._count = count
        self._first_words = _FirstWords()
        self._warned_at_s = float("-inf")
        self._exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=REQUEST_TIMEOUT_S)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._first_words.text = ""
        result = self._exporter.export(spans)
        self._count("exported" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        self.done += len(spans)
        if result is not SpanExportResult.SUCCESS and time.monotonic() - self._warned_at_s >= WARN_EVERY_S:
            self._warned_at_s = time.monotonic()
            log.warning(
                "the collector takes no spans; jobs go on without",
                extra={"collector": self.place, "error": self._first_words.text},
            )
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _BoundedProcessor(BatchSpanProcessor):
    """Drops the spans of whole jobs where too many wait: the SDK's queue would drop the oldest, of any job, uncounted.

    The spans of a job have to end one after another, the one with its kind first.
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
        self._taken = 0
        self._room = True

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            if (
                span.parent is None or span.kind is not SpanKind.INTERNAL
            ):  # a job's first, a batch's or a sent job's only
                self._room = self._taken - self._exporter.done <= MAX_QUEUED - MAX_SPANS_OF_A_JOB
            room = self._room
            self._taken += room
        if room:
            super().on_end(span)
        else:
            self._count("dropped", 1)


class _FirstWords(logging.Handler):
    """Keeps what OpenTelemetry logs first of an export: the cause. The lines after it tell of each further try."""

    text = ""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        libraries = logging.getLogger("opentelemetry")
        libraries.handlers = [self]
        libraries.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()
