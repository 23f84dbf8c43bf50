"""Builds the dead letter of a record."""

from datetime import datetime

from mmdigit.transport.ports import Record
from schemas.dead_letter import MAX_ERROR_CHARACTERS, MAX_TIMES_DEAD, DeadLetter, times_dead_before
from schemas.errors import InvalidJob
from schemas.prediction import Source
from schemas.printable import printable
from schemas.trace import trace_of, traceparent_of


def make_dead_letter(
    record: Record,
    error: InvalidJob,
    now: datetime,
    attempts: int,
    job_id: str | None = None,
    group: str | None = None,
) -> DeadLetter:
    """The record, byte for byte, and why it can never succeed. attempts: at least 1."""
    trace = trace_of(record.headers)
    return DeadLetter(
        original=record.value,
        key=record.key,
        source=source_of(record),
        reason=error.reason,
        error=printable(str(error), MAX_ERROR_CHARACTERS - 3),  # it may quote the record
        job_id=job_id,
        group=group,
        first_seen=now,
        last_seen=now,
        attempts=attempts,
        times_dead=min(times_dead_before(record.headers) + 1, MAX_TIMES_DEAD),
        traceparent=traceparent_of(trace) if trace else None,
    )


def source_of(record: Record) -> Source:
    """The place of the record."""
    return Source(topic=record.topic, partition=record.partition, offset=record.offset)
