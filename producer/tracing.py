"""Starts the trace of each sampled job: a traceparent header, and a span from sending to acknowledgement."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, SpanContext, SpanKind, TraceFlags, Tracer

from mmdigit.telemetry.spans import open_tracer
from mmdigit.transport.urls import system_and_topic
from producer.settings import ProducerSettings
from schemas.job import Job
from schemas.trace import trace_headers, traceparent_of

Acknowledge = Callable[[], object]


class Tracing:
    """Samples single jobs: a trace of a whole run would be a million spans, which no viewer shows.

    A job that is not sampled has no header: it costs nothing, and its prediction names no trace that does not exist.
    """

    def __init__(
        self, ratio: float, tracer: Tracer, system: str = "", topic: str = "", source: random.Random | None = None
    ) -> None:
        """ratio: 0 to 1. tracer: a NoOpTracer makes headers only. system: the queue's, such as "kafka"."""
        self._ratio = ratio
        self._tracer = tracer
        self._name = f"send {topic}"
        self._shared = {
            "messaging.system": system,
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.destination.name": topic,
        }
        self._random = source or random.Random()  # noqa: S311  an id, not a secret
        self.n_spans = 0

    def begin(self, job: Job, acknowledge: Acknowledge) -> tuple[Acknowledge, Mapping[str, bytes] | None]:
        """Returns the callback for the job's acknowledgement, which calls acknowledge, and the headers to send."""
        if self._random.random() >= self._ratio:
            return acknowledge, None
        attributes = {**self._shared, "mmdigit.job_id": job.job_id, "mmdigit.group": job.group or ""}
        span = self._tracer.start_span(self._name, Context(), SpanKind.PRODUCER, attributes)
        if not span.is_recording():
            return acknowledge, trace_headers(traceparent_of(self._new_trace()))

        def acknowledged() -> None:
            acknowledge()
            self.n_spans += 1
            span.end()

        return acknowledged, trace_headers(traceparent_of(span.get_span_context()))

    def _new_trace(self) -> SpanContext:
        trace_id, span_id = (self._random.getrandbits(bits) or 1 for bits in (128, 64))  # 0 is not valid
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


NO_TRACING: Final = Tracing(0.0, NoOpTracer())


@contextmanager
def open_tracing(settings: ProducerSettings, report: Callable[[str], object]) -> Iterator[Tracing]:
    """The tracing of the settings; its end reports lost spans to report(). Raises as open_tracer."""
    exported = 0

    def count(outcome: str, spans: int) -> None:
        nonlocal exported
        exported += spans if outcome == "exported" else 0

    with open_tracer(settings.otlp_endpoint, "mmdigit-producer", count) as tracer:
        tracing = Tracing(settings.trace_ratio, tracer, *system_and_topic(settings.to_url))
        yield tracing
    if lost := tracing.n_spans - exported:
        report(f"{lost} of {tracing.n_spans} spans did not reach the collector\n")
