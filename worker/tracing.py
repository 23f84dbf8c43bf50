"""What became of each traced job, as spans: in the topic, decoded, waiting for its batch, predicted, stored."""

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
from worker.batcher import Decoded

Outcome = Prediction | DeadLetter


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """When a batch was closed, predicted, rid of its dead letters, and stored; on the loop's clock, in seconds."""

    closed_s: float
    predicted_s: float
    dead_lettered_s: float
    stored_s: float


class Tracing:
    """Makes the spans of each job whose record came with a sampled trace, and one of each batch with such a job."""

    def __init__(
        self,
        tracer: Tracer,
        system: str,
        consumer_group: str,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        """system: what holds the topic, such as kafka. clock: the loop's; epoch: the same moment since the epoch."""
        self._tracer = tracer
        self._shared: dict[str, str | int] = {
            "messaging.system": system,
            "messaging.consumer.group.name": consumer_group,
        }
        self._clock = clock
        self._epoch = epoch

    def batch(self, batch: Sequence[Decoded], outcomes: Sequence[Outcome], times: BatchTimes) -> None:
        """Note a batch that is written, with the outcome of each of its jobs, in their order. Never waits."""
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
        self, decoded: Decoded, outcome: Outcome, trace: SpanContext, link: Link, times: BatchTimes, epoch_s: float
    ) -> None:
        began_s, record = decoded.decoding_began_s, decoded.record
        if isinstance(outcome, DeadLetter):
            writing = ("dead_letter", times.predicted_s, times.dead_lettered_s)
        else:
            writing = ("store", times.dead_lettered_s, times.stored_s)
        # Each context is given: no span is a child of what happens to be open in this thread.
        beside = set_span_in_context(NonRecordingSpan(trace), Context())
        own = self._tracer.start_span(
            f"process {record.topic}",
            beside,
            SpanKind.CONSUMER,
            self._attributes(decoded, outcome),
            [link],
            _ns(epoch_s + began_s),
        )
        if isinstance(outcome, DeadLetter):
            own.set_status(StatusCode.ERROR)
        own.end(_ns(epoch_s + writing[2]))
        inside = set_span_in_context(own, Context())
        # The queue is beside the job's own span and not in it, since it is over when that one begins. Its start is what
        # the record's writer says, by another machine's clock.
        queued_s = min(max(0.0, record.timestamp_s), epoch_s + began_s) - epoch_s
        for name, context, start_s, end_s in (
            ("queue", beside, queued_s, began_s),
            ("decode", inside, began_s, decoded.decoded_at_s),
            ("wait", inside, decoded.decoded_at_s, times.closed_s),
            ("predict", inside, times.closed_s, times.predicted_s),
            (writing[0], inside, *writing[1:]),
        ):
            self._tracer.start_span(name, context, start_time=_ns(epoch_s + start_s)).end(_ns(epoch_s + end_s))

    def _attributes(self, decoded: Decoded, outcome: Outcome) -> dict[str, str | int]:
        """Named as OpenTelemetry's semantic conventions of messaging do; the answer itself is no matter of tracing."""
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
    return round(since_epoch_s * 1e6) * 1000  # a float of today's seconds holds no more than microseconds
