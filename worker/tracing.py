"""What became of each traced job, as spans: in the topic, decoded, waiting for its batch, predicted, stored."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mmdigit.telemetry.spans import Span, Spans
from schemas.dead_letter import DeadLetter
from schemas.prediction import Prediction
from schemas.trace import TraceContext
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
    """Notes nothing: the tracing of a worker without a collector."""

    def batch(self, batch: Sequence[Decoded], outcomes: Sequence[Outcome], times: BatchTimes) -> None:
        """Note a batch that is written, with the outcome of each of its jobs, in their order. Never waits."""


NO_TRACING: Final = Tracing()


class SpanTracing(Tracing):
    """Makes the spans of each job whose record came with a sampled trace, and one of each batch with such a job."""

    def __init__(
        self,
        spans: Spans,
        system: str,
        consumer_group: str,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
        source: random.Random | None = None,
    ) -> None:
        """system: what holds the topic, such as kafka. clock: the loop's; epoch: the same moment since the epoch."""
        self._spans = spans
        self._shared: dict[str, str | int] = {
            "messaging.system": system,
            "messaging.consumer.group.name": consumer_group,
        }
        self._clock = clock
        self._epoch = epoch
        self._random = source or random.Random()  # noqa: S311  an id, not a secret

    def batch(self, batch: Sequence[Decoded], outcomes: Sequence[Outcome], times: BatchTimes) -> None:
        traced = [
            (decoded, outcome, trace)
            for decoded, outcome in zip(batch, outcomes, strict=True)
            if (trace := decoded.trace) is not None and trace.sampled
        ]
        if not traced:
            return
        epoch_s = self._epoch() - self._clock()
        together = TraceContext.begin(self._random)
        attributes = {**self._shared, "messaging.batch.message_count": len(batch)}
        start_s, end_s = epoch_s + times.closed_s, epoch_s + times.stored_s
        self._spans.add([Span("batch", together, None, "internal", start_s, end_s, attributes)])
        for decoded, outcome, trace in traced:
            self._spans.add(list(self._job(decoded, outcome, trace, together, times, epoch_s)))

    def _job(
        self,
        decoded: Decoded,
        outcome: Outcome,
        trace: TraceContext,
        together: TraceContext,
        times: BatchTimes,
        epoch_s: float,
    ) -> Iterator[Span]:
        began_s, record = decoded.decoding_since_s, decoded.record
        if isinstance(outcome, DeadLetter):
            writing = ("dead_letter", times.predicted_s, times.dead_lettered_s)
        else:
            writing = ("store", times.dead_lettered_s, times.stored_s)
        own = trace.child(self._random)
        yield Span(
            f"process {record.topic}",
            own,
            trace,
            "consumer",
            epoch_s + began_s,
            epoch_s + writing[2],
            self._attributes(decoded, outcome),
            together,
            outcome.reason if isinstance(outcome, DeadLetter) else "",
        )
        # Beside the span above and not in it, since it is over when that one begins. Its start is what the record's
        # writer says, by another machine's clock.
        queued_s = min(max(0.0, record.timestamp_s), epoch_s + began_s)
        yield Span("queue", trace.child(self._random), trace, "internal", queued_s, epoch_s + began_s, {})
        for name, start_s, end_s in (
            ("decode", began_s, decoded.polled_at_s),
            ("wait", decoded.polled_at_s, times.closed_s),
            ("predict", times.closed_s, times.predicted_s),
            writing,
        ):
            yield Span(name, trace.child(self._random), own, "internal", epoch_s + start_s, epoch_s + end_s, {})

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
            attributes["mmdigit.reading.decision"] = outcome.decision
        return attributes
