"""Builds the outcome of a job: its prediction or its dead letter."""

from datetime import datetime

from opentelemetry.trace import format_trace_id

from mmdigit.transport.ports import Record
from schemas import VERSION
from schemas.dead_letter import MAX_ERROR_CHARACTERS, MAX_TIMES_DEAD, DeadLetter, times_dead_before
from schemas.errors import InvalidJob
from schemas.prediction import Answer, Prediction, Source, Timings
from schemas.printable import printable
from schemas.trace import trace_of, traceparent_of
from worker.batcher import Decoded


def make_prediction(
    decoded: Decoded, answer: Answer, now: datetime, wait_s: float, predict_s: float, batch_size: int
) -> Prediction:
    """The answer with the job's source and timings. Raises ValueError if the record holds no job."""
    job = decoded.job
    if job is None:
        raise ValueError(f"expected a decoded job, got the record {source_of(decoded.record)}")
    trace = trace_of(decoded.record.headers)
    timings = Timings(
        created_at=job.created_at, predicted_at=now, wait_s=wait_s, predict_s=predict_s, batch_size=batch_size
    )
    return Prediction(
        **answer.__dict__,  # dict(answer) takes as long as everything else here
        job_id=job.job_id,
        group=job.group,
        expected=job.expected,
        source=source_of(decoded.record),
        timings=timings,
        worker_version=VERSION,
        trace_id=format_trace_id(trace.trace_id) if trace else None,
    )


def make_dead_letter(decoded: Decoded, error: InvalidJob, now: datetime, attempts: int) -> DeadLetter:
    """The record, byte for byte, and why it can never succeed. attempts: at least 1."""
    trace = trace_of(decoded.record.headers)
    return DeadLetter(
        original=decoded.record.value,
        key=decoded.record.key,
        source=source_of(decoded.record),
        reason=error.reason,
        error=printable(str(error), MAX_ERROR_CHARACTERS - 3),  # it may quote the record
        job_id=decoded.job.job_id if decoded.job else None,
        group=decoded.job.group if decoded.job else None,
        first_seen=now,
        last_seen=now,
        attempts=attempts,
        times_dead=min(times_dead_before(decoded.record.headers) + 1, MAX_TIMES_DEAD),
        traceparent=traceparent_of(trace) if trace else None,
    )


def source_of(record: Record) -> Source:
    """The place of the record."""
    return Source(topic=record.topic, partition=record.partition, offset=record.offset)
