"""Makes the job of a sample, with an id derived from its content and its group."""

import hashlib
from datetime import datetime

from producer.sources.sample import Sample
from schemas.job import Job

JOB_ID_CHARACTERS = 32  # 128 bits of SHA-256


def job_id_of(sample: Sample, group: str) -> str:
    """The id of the sample's job in that group: the same in every run, and new if anything in the sample changes.

    Two samples with the same content are two jobs, since their sample ids differ. 32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    # surrogateescape: a file name that is not UTF-8 must work, too.
    sample_id = sample.sample_id.encode("utf-8", "surrogateescape")
    label = None if sample.label is None else str(sample.label).encode()
    for part in (group.encode(), sample_id, label, sample.image, sample.audio):
        # The length before each part keeps the parts of different samples from hashing alike.
        digest.update(b"-" if part is None else f"{len(part)}:".encode() + part)
    return digest.hexdigest()[:JOB_ID_CHARACTERS]


def job_of(sample: Sample, job_id: str, group: str, created_at: datetime) -> Job:
    """The sample as a job. Raises ValueError if it has neither image nor audio, or exceeds a limit of Job."""
    return Job(
        job_id=job_id,
        group=group,
        image=sample.image,
        audio=sample.audio,
        expected=sample.label,
        created_at=created_at,
    )
