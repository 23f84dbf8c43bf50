"""Makes the job of a sample, with an id derived from its content and its group."""

from datetime import datetime

from producer.sources.sample import Sample
from schemas.identifiers import id_of
from schemas.job import Job


def job_id_of(sample: Sample, group: str) -> str:
    """The id of the sample's job in that group: the same in every run, and new if anything in the sample changes.

    Two samples with the same content are two jobs, since their sample ids differ. 32 hexadecimal digits.
    """
    # surrogateescape: a file name that is not UTF-8 must work, too.
    sample_id = sample.sample_id.encode("utf-8", "surrogateescape")
    label = None if sample.label is None else str(sample.label)
    return id_of(group, sample_id, label, sample.image, sample.audio)


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
