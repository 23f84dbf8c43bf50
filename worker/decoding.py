"""Decodes polled records: each becomes a job with its sample, or the reason why it can never succeed."""

import logging
from collections.abc import Callable, Iterator, Sequence

from mmdigit.reading import TOGETHER, read_samples
from schemas.errors import DecoderFailed, InvalidJob
from schemas.job import Job
from schemas.wire import decode_job
from transport.ports import Record
from worker import outcomes
from worker.batcher import Decoded

log = logging.getLogger(__name__)


def decode(records: Sequence[Record], clock: Callable[[], float]) -> Iterator[Decoded]:
    """What becomes of each record, in order, TOGETHER at a time. clock: the batcher's."""
    for start in range(0, len(records), TOGETHER):
        together = records[start : start + TOGETHER]
        jobs = [_job(record) for record in together]
        good = [job for job in jobs if isinstance(job, Job)]
        samples = iter(read_samples([(job.image, job.audio) for job in good]))
        for record, job in zip(together, jobs, strict=True):
            if isinstance(job, Exception):
                yield Decoded(record, clock(), None, None, _reason(record, job))
                continue
            sample = next(samples)
            if isinstance(sample, Exception):
                yield Decoded(record, clock(), job, None, _reason(record, sample))
            else:
                yield Decoded(record, clock(), job, sample, None)


def _job(record: Record) -> Job | Exception:
    try:
        return decode_job(record.value)
    except Exception as exc:
        return exc


def _reason(record: Record, error: Exception) -> InvalidJob:
    if isinstance(error, InvalidJob):
        return error
    # It must not stop the jobs behind it, again after each restart.
    log.error("a decoder failed unforeseen; please report it", extra=dict(outcomes.source(record)), exc_info=error)
    return DecoderFailed(f"{type(error).__name__}: {error}")
