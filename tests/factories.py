"""Jobs, predictions and dead letters for tests: valid, small, and numbered."""

from datetime import UTC, datetime

from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.prediction import HeadAnswer, Prediction, Source, Timings

CREATED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SURE = 1 - 9 * 2**-7


def make_job(number: int = 0, *, group: str | None = "g", image: bytes | None = bytes(784)) -> Job:
    """The job of that number, with a black image by default."""
    return Job(job_id=f"job-{number}", group=group, image=image, expected=number % 10, created_at=CREATED_AT)


def make_prediction(number: int = 0, *, group: str | None = "g", label: int | None = None) -> Prediction:
    """The prediction of make_job(number). Its values are sums of few powers of two, which every store keeps exactly."""
    label = number % 10 if label is None else label
    head = HeadAnswer(label=label, confidence=SURE)
    return Prediction(
        job_id=f"job-{number}",
        group=group,
        label=label,
        confidence=SURE,
        probabilities=tuple(SURE if digit == label else 2**-7 for digit in range(10)),
        image=head,
        novelty=0.375,
        decision="accept",
        model_version="test",
        source=Source(topic="jobs", partition=0, offset=number),
        timings=Timings(created_at=CREATED_AT, predicted_at=CREATED_AT, wait_s=0.1, predict_s=0.01, batch_size=1),
    )


def make_dead_letter(number: int | None = 0, *, group: str | None = "g", reason: str = "invalid_image") -> DeadLetter:
    """The dead letter of make_job(number), or of a record without a job id if number is None."""
    return DeadLetter(
        original=b"\x00\xff original",
        source=Source(topic="jobs", partition=0, offset=number or 0),
        reason=reason,
        error="expected an image, got none",
        job_id=None if number is None else f"job-{number}",
        group=None if number is None else group,
        first_seen=CREATED_AT,
        last_seen=CREATED_AT,
    )
