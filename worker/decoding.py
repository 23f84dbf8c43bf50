"""Decodes polled records: each becomes a job with its sample, or the reason why it can never succeed."""

import logging
from collections.abc import Callable, Iterator, Sequence

from mmdigit.reading.batch_decoding import CHUNK_SIZE, decode_batch
from mmdigit.transport.ports import Record
from schemas.errors import DecoderFailed, InvalidJob, ModelError
from schemas.job import Job
from schemas.wire import decode_job
from worker import outcomes
from worker.batcher import Decoded

log = logging.getLogger(__name__)


def together(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in the portions that are decoded in one call."""
    for start in range(0, len(records), CHUNK_SIZE):
        yield records[start : start + CHUNK_SIZE]


def decode(records: Sequence[Record], clock: Callable[[], float], attempt: int = 1) -> list[Decoded]:
    """What becomes of each record, in order. clock: the batcher's. attempt: which try this is, from 1.

    Raises ModelError if memory is short: limits bound what a job may need, so that is no fault of the job.
    """
    began_s = clock()
    jobs = [_job(record) for record in records]
    good = [job for job in jobs if isinstance(job, Job)]
    samples = iter(decode_batch([(job.image, job.audio) for job in good]))
    decoded = []
    for record, job in zip(records, jobs, strict=True):
        if isinstance(job, Exception):
            decoded.append(Decoded(record, clock(), None, None, _reason(record, job), began_s, attempt))
            continue
        sample = next(samples)
        if isinstance(sample, Exception):
            decoded.append(Decoded(record, clock(), job, None, _reason(record, sample), began_s, attempt))
        else:
            decoded.append(Decoded(record, clock(), job, sample, None, began_s))
    return decoded


def _job(record: Record) -> Job | Exception:
    try:
        return decode_job(record.value)
    except Exception as exc:
        return exc


def _reason(record: Record, error: Exception) -> InvalidJob:
    if isinstance(error, InvalidJob):
        return error
    if isinstance(error, MemoryError):
        raise ModelError("expected enough memory to decode a job, got none; give the worker more") from error
    # It must not stop the jobs behind it, again after each restart.
    log.error("a decoder failed unforeseen; please report it", extra=dict(outcomes.source(record)), exc_info=error)
    return DecoderFailed(f"{type(error).__name__}: {error}")
