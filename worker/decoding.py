"""Decodes polled records: each becomes a job and its sample, or an error that dead-letters it."""

import logging
from collections.abc import Callable, Iterator, Sequence

from mmdigit.consuming.dead_letters import source_of
from mmdigit.reading.batch_decoding import CHUNK_SIZE, decode_batch
from mmdigit.transport.ports import Record
from schemas.errors import DecoderFailed, InvalidJob, ModelError
from schemas.job import Job
from schemas.wire import decode_job
from worker.batcher import DecodedRecord

log = logging.getLogger(__name__)


def chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in chunks that are decoded in one call."""
    for start in range(0, len(records), CHUNK_SIZE):
        yield records[start : start + CHUNK_SIZE]


def decode(records: Sequence[Record], clock: Callable[[], float], attempt: int = 1) -> list[DecodedRecord]:
    """The records decoded, in order. clock: the batcher's. attempt: counts from 1.

    Raises ModelError if memory runs out: a job's needs are bounded, so the job is not at fault.
    """
    began_s = clock()
    jobs = [_job(record) for record in records]
    samples = iter(decode_batch([(job.image, job.audio) for job in jobs if isinstance(job, Job)]))
    decoded = []
    for record, job in zip(records, jobs, strict=True):
        if isinstance(job, Exception):
            decoded.append(DecodedRecord(record, clock(), None, None, _invalid(record, job), began_s, attempt))
            continue
        sample = next(samples)
        if isinstance(sample, Exception):
            decoded.append(DecodedRecord(record, clock(), job, None, _invalid(record, sample), began_s, attempt))
        else:
            decoded.append(DecodedRecord(record, clock(), job, sample, None, began_s))
    return decoded


def _job(record: Record) -> Job | Exception:
    try:
        return decode_job(record.value)
    except Exception as exc:
        return exc


def _invalid(record: Record, error: Exception) -> InvalidJob:
    if isinstance(error, InvalidJob):
        return error
    if isinstance(error, MemoryError):
        raise ModelError("expected enough memory to decode a job, got too little; give the worker more") from error
    # Raising would stop the worker here again after each restart.
    log.error("a decoder failed unexpectedly; please report it", extra=dict(source_of(record)), exc_info=error)
    return DecoderFailed(f"{type(error).__name__}: {error}")
