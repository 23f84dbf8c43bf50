"""Begins the traces of the jobs that are drawn: a traceparent header, and a span from sent to acknowledged."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from mmdigit.telemetry.spans import Span, SpanOutcome, Spans, open_spans
from mmdigit.transport.urls import system_and_topic
from producer.settings import ProducerSettings
from schemas.job import Job
from schemas.trace import TraceContext, trace_headers

Acknowledge = Callable[[], object]


class Tracing:
    """Draws jobs, each by itself: a trace of a whole run would be a million spans, which no viewer shows.

    What is not drawn has no header: it costs nothing, and its prediction names no trace that nobody exported.
    """

    def __init__(
        self,
        ratio: float,
        system: str = "",
        topic: str = "",
        spans: Spans | None = None,
        source: random.Random | None = None,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        """ratio: 0 to 1. system: what holds the topic, such as kafka. spans: None makes headers alone."""
        self._ratio = ratio
        self._name = f"send {topic}"
        self._shared = {
            "messaging.system": system,
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.destination.name": topic,
        }
        self._spans = spans
        self._random = source or random.Random()  # noqa: S311  an id, not a secret
        self._epoch = epoch
        self.spans_made = 0

    def begin(self, job: Job, acknowledge: Acknowledge) -> tuple[Acknowledge, Mapping[str, bytes] | None]:
        """What to call when the job is acknowledged, which calls acknowledge, and the headers to send it with."""
        if self._random.random() >= self._ratio:
            return acknowledge, None
        trace = TraceContext.begin(self._random)
        headers = trace_headers(trace.traceparent)
        spans = self._spans
        if spans is None:
            return acknowledge, headers
        start_s = self._epoch()

        def acknowledged() -> None:
            acknowledge()
            attributes = {**self._shared, "mmdigit.job_id": job.job_id, "mmdigit.group": job.group or ""}
            self.spans_made += 1
            spans.add([Span(self._name, trace, None, "producer", start_s, self._epoch(), attributes)])

        return acknowledged, headers


NO_TRACING: Final = Tracing(0.0)


@contextmanager
def open_tracing(settings: ProducerSettings, say: Callable[[str], object]) -> Iterator[Tracing]:
    """The tracing that the settings ask for; at its end say() hears if spans were lost. Raises as open_spans."""
    system, topic = system_and_topic(settings.to_url)
    if settings.otlp_endpoint is None:
        yield Tracing(settings.trace_ratio, system, topic)
        return
    exported = 0

    def count(outcome: SpanOutcome, spans: int) -> None:
        nonlocal exported
        exported += spans if outcome == "exported" else 0

    with open_spans(settings.otlp_endpoint, "mmdigit-producer", count) as spans:
        tracing = Tracing(settings.trace_ratio, system, topic, spans)
        yield tracing
    if lost := tracing.spans_made - exported:
        say(f"{lost} of {tracing.spans_made} spans did not reach the collector\n")
