"""Exports spans over OTLP, by OpenTelemetry's own SDK: in a thread of its own, from a queue with a bound."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from mmdigit.settings.redaction import redact
from mmdigit.telemetry.spans import CountSpans, Span
from schemas import VERSION
from schemas.trace import TraceContext

log = logging.getLogger(__name__)

MAX_QUEUED = 4096
"""Spans that wait or are on their way: 6 of a traced job, 1 of its batch."""
MAX_REQUEST_SPANS = 512
EXPORT_EVERY_S = 1.0
REQUEST_TIMEOUT_S = 5.0  # of all its tries; meanwhile the queue fills
CLOSE_WITHIN_S = 2.0
WARN_EVERY_S = 60.0

_KINDS = {"producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER, "internal": SpanKind.INTERNAL}


class OtlpSpans:
    """Spans to one collector. OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE and OTEL_RESOURCE_ATTRIBUTES hold as ever."""

    def __init__(
        self, endpoint: str, service: str, count: CountSpans, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._exporter = _CountingExporter(endpoint, count, monotonic)
        self._ids = _GivenIds()
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=MAX_QUEUED,
            schedule_delay_millis=EXPORT_EVERY_S * 1000,
            max_export_batch_size=MAX_REQUEST_SPANS,
        )
        resource = Resource.create(
            {
                "service.name": service,
                "service.version": VERSION,
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            }
        )
        # Given here, lest OTEL_TRACES_SAMPLER or the like leave out what was drawn already.
        provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("mmdigit", VERSION)
        self._lock = threading.Lock()
        self._added = 0
        self._closed = False

    def add(self, spans: Sequence[Span]) -> None:
        with self._lock:
            if self._closed or self._added - self._exporter.done + len(spans) > MAX_QUEUED:
                self._count("dropped", len(spans))
                return
            self._added += len(spans)
            for span in spans:
                self._add(span)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        # The SDK's own end waits up to half a minute for a collector that does not answer.
        ending = threading.Thread(target=self._processor.shutdown, name="spans-end", daemon=True)
        ending.start()
        ending.join(CLOSE_WITHIN_S)
        if ending.is_alive():
            self._exporter.give_up()
            log.warning("left before every span was sent", extra={"collector": self._exporter.place})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _add(self, span: Span) -> None:
        self._ids.next = span.context
        around = Context()  # empty: no span is a child of what happens to be open in this thread
        if span.parent is not None:
            around = set_span_in_context(NonRecordingSpan(_span_context(span.parent, remote=True)), around)
        made = self._tracer.start_span(
            span.name,
            around,
            _KINDS[span.kind],
            span.attributes,
            [] if span.link is None else [Link(_span_context(span.link, remote=False))],
            _ns(span.start_s),
        )
        if span.error:
            made.set_attribute("error.type", span.error)
            made.set_status(StatusCode.ERROR)
        made.end(_ns(span.end_s))


class _GivenIds(IdGenerator):
    """Ids that are known before their span: the record carries them."""

    next: TraceContext

    def generate_span_id(self) -> int:
        return int(self.next.span_id, 16)

    def generate_trace_id(self) -> int:
        return int(self.next.trace_id, 16)


class _CountingExporter(SpanExporter):
    """OpenTelemetry's exporter, counted; what it logs of each try is one line a minute. Runs in the SDK's thread."""

    def __init__(self, endpoint: str, count: CountSpans, monotonic: Callable[[], float]) -> None:
        self.place = redact(endpoint)
        self.done = 0
        """Spans that are exported or failed."""
        self._count = count
        self._monotonic = monotonic
        self._first_words = _FirstWords()
        self._warned_at_s = float("-inf")
        self._given_up = False
        self._exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=REQUEST_TIMEOUT_S)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._first_words.text = ""
        result = SpanExportResult.FAILURE if self._given_up else self._exporter.export(spans)
        self._count("exported" if result is SpanExportResult.SUCCESS else "failed", len(spans))
        self.done += len(spans)
        if result is not SpanExportResult.SUCCESS and self._monotonic() - self._warned_at_s >= WARN_EVERY_S:
            self._warned_at_s = self._monotonic()
            log.warning(
                "the collector takes no spans; jobs go on without",
                extra={"collector": self.place, "error": self._first_words.text},
            )
        return result

    def give_up(self) -> None:
        """Try nothing more, and wait for no further try of what is on its way."""
        self._given_up = True
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def shutdown(self) -> None:
        if not self._given_up:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


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


def _span_context(context: TraceContext, *, remote: bool) -> SpanContext:
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), remote, TraceFlags(context.flags))


def _ns(since_epoch_s: float) -> int:
    return round(since_epoch_s * 1e6) * 1000  # a float of today's seconds holds no more than microseconds
