"""What becomes of a job: the prediction that is stored, or the dead letter that keeps it."""

from datetime import datetime

from schemas.dead_letter import MAX_ERROR_CHARACTERS, DeadLetter
from schemas.errors import InvalidJob
from schemas.job import Job
from schemas.prediction import Answer, Prediction, Source, Timings
from schemas.printable import printable
from transport.ports import Record
from worker.batcher import Decoded


def prediction(job: Job, record: Record, answer: Answer, timings: Timings) -> Prediction:
    """The answer to the job, with where it came from and how long it took."""
    return Prediction(
        **answer.__dict__,  # its fields as they are: dict(answer) takes as long as the rest
        job_id=job.job_id,
        group=job.group,
        expected=job.expected,
        source=source(record),
        timings=timings,
    )


def dead_letter(decoded: Decoded, error: InvalidJob, now: datetime) -> DeadLetter:
    """The record, byte for byte, with the reason why it can never succeed."""
    return DeadLetter(
        original=decoded.record.value,
        key=decoded.record.key,
        source=source(decoded.record),
        reason=error.reason,
        error=printable(str(error), MAX_ERROR_CHARACTERS - 3),  # it may quote the record
        job_id=decoded.job.job_id if decoded.job else None,
        group=decoded.job.group if decoded.job else None,
        first_seen=now,
        last_seen=now,
    )


def source(record: Record) -> Source:
    """Where the record stands."""
    return Source(topic=record.topic, partition=record.partition, offset=record.offset)
