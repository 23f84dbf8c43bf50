"""The spans of each traced job: in the topic, decoded, waiting for its batch, predicted, stored."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, NoOpTracer, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation import set_span_in_context

from schemas.dead_letter import DeadLetter
from schemas.prediction import Prediction
from schemas.trace import trace_of
from worker.batcher import DecodedRecord

Outcome = Prediction | DeadLetter


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """When a batch was closed, predicted, dead-lettered and stored: seconds of the loop's clock."""

    closed_s: float
    predicted_s: float
    dead_lettered_s: float
    stored_s: float


class Tracing:
    """Makes spans for each job whose record has a sampled trace, and one for each batch with such a job."""

    def __init__(
        self,
        tracer: Tracer,
        system: str,
        consumer_group: str,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        """system: the queue's, such as "kafka". clock: the loop's, in seconds; epoch: the same time since the epoch."""
        self._tracer = tracer
        self._shared: dict[str, str | int] = {
            "messaging.system": system,
            "messaging.consumer.group.name": consumer_group,
        }
        self._clock = clock
        self._epoch = epoch

    def record_batch(self, batch: Sequence[DecodedRecord], outcomes: Sequence[Outcome], times: BatchTimes) -> None:
        """Make the spans of a finished batch. outcomes: one for each job, in order. Never blocks."""
        if isinstance(self._tracer, NoOpTracer):
            return
        traced = [
            (decoded, outcome, trace)
            for decoded, outcome in zip(batch, outcomes, strict=True)
            if (trace := trace_of(decoded.record.headers)) is not None and trace.trace_flags.sampled
        ]
        if not traced:
            return
        epoch_s = self._epoch() - self._clock()
        attributes = {**self._shared, "messaging.batch.message_count": len(batch)}
        span = self._tracer.start_span(
            "batch", Context(), attributes=attributes, start_time=_ns(epoch_s + times.closed_s)
        )
        span.end(_ns(epoch_s + times.stored_s))
        for decoded, outcome, trace in traced:
            self._job(decoded, outcome, trace, Link(span.get_span_context()), times, epoch_s)

    def _job(
        self,
        decoded: DecodedRecord,
        outcome: Outcome,
        trace: SpanContext,
        link: Link,
        times: BatchTimes,
        epoch_s: float,
    ) -> None:
        started_s, record = decoded.decoding_began_s, decoded.record
        if isinstance(outcome, DeadLetter):
            last_stage = ("dead_letter", times.predicted_s, times.dead_lettered_s)
        else:
            last_stage = ("store", times.dead_lettered_s, times.stored_s)
        # Explicit contexts: no span becomes the child of whatever is open in this thread.
        trace_context = set_span_in_context(NonRecordingSpan(trace), Context())
        job_span = self._tracer.start_span(
            f"process {record.topic}",
            trace_context,
            SpanKind.CONSUMER,
            self._attributes(decoded, outcome),
            [link],
            _ns(epoch_s + started_s),
        )
        if isinstance(outcome, DeadLetter):
            job_span.set_status(StatusCode.ERROR)
        job_span.end(_ns(epoch_s + last_stage[2]))
        job_context = set_span_in_context(job_span, Context())
        # The queue span is a sibling of the job's span, because it ends where that one starts. It starts at the
        # record's timestamp, from another machine's clock.
        queued_s = min(max(0.0, record.timestamp_s), epoch_s + started_s) - epoch_s
        for name, context, start_s, end_s in (
            ("queue", trace_context, queued_s, started_s),
            ("decode", job_context, started_s, decoded.decoded_at_s),
            ("wait", job_context, decoded.decoded_at_s, times.closed_s),
            ("predict", job_context, times.closed_s, times.predicted_s),
            (last_stage[0], job_context, *last_stage[1:]),
        ):
            self._tracer.start_span(name, context, start_time=_ns(epoch_s + start_s)).end(_ns(epoch_s + end_s))

    def _attributes(self, decoded: DecodedRecord, outcome: Outcome) -> dict[str, str | int]:
        """Attributes by OpenTelemetry's semantic conventions for messaging; the answer is not among them."""
        record = decoded.record
        attributes: dict[str, str | int] = {
            **self._shared,
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": record.topic,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            "messaging.message.body.size": len(record.value),
        }
        if decoded.job is not None:
            attributes["mmdigit.job_id"] = decoded.job.job_id
            if decoded.job.group is not None:
                attributes["mmdigit.group"] = decoded.job.group
        if isinstance(outcome, Prediction):
            attributes["mmdigit.decision"] = outcome.decision
        else:
            attributes["error.type"] = outcome.reason
        return attributes


NO_TRACING: Final = Tracing(NoOpTracer(), "", "")


def _ns(since_epoch_s: float) -> int:
    return round(since_epoch_s * 1e6) * 1000  # a float resolves seconds since the epoch to microseconds only
