"""Encodes jobs as records before a run, so that encoding costs nothing during it.

    samples = read_samples(data, 10_000)
    for job_id, value in records(samples, 100_000, "benchmark"): ...

Each sample is encoded once, with placeholders of fixed length for job id and creation time; a record is that encoding
with both filled in. So a million jobs take seconds, and a job gets its time when it is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Self

from lab.kit.padding import padded
from producer.sources.opening import PAIRS_PREFIX, open_source
from producer.sources.sample import Sample
from samples.demo import PACK
from schemas.job import Job
from schemas.wire import Wire, encode

ID_CHARACTERS = 24
_ID_MARK = "i" * ID_CHARACTERS
_TIME_MARK = datetime(2001, 2, 3, 4, 5, 6, 789_123, UTC)
_TIME_TEXTS = {"json": ("2001-02-03T04:05:06.789123Z", "Z"), "msgpack": (_TIME_MARK.isoformat(), "+00:00")}

Record = tuple[str, bytes]
"""job_id and encoded job."""


@dataclass(frozen=True, slots=True)
class Template:
    """One job's encoding, in three pieces around its id and its creation time."""

    pieces: tuple[bytes, bytes, bytes]
    utc_suffix: str

    @classmethod
    def of(cls, sample: Sample, group: str, wire: Wire) -> Self:
        """The sample as a job of that group. Raises ValueError if it has neither image nor audio."""
        job = Job(
            job_id=_ID_MARK,
            group=group,
            image=sample.image,
            audio=sample.audio,
            expected=sample.label,
            created_at=_TIME_MARK,
        )
        time_text, utc_suffix = _TIME_TEXTS[wire]
        # The id precedes the image and the time follows the audio, whatever bytes those hold.
        before, _, rest = encode(job, wire).partition(_ID_MARK.encode())
        between, _, after = rest.rpartition(time_text.encode())
        return cls((before, between, after), utc_suffix)

    def record(self, job_id: str, created_at: datetime) -> bytes:
        """The job with that id, of ID_CHARACTERS characters, and that time (UTC)."""
        time_text = created_at.replace(tzinfo=None).isoformat(timespec="microseconds") + self.utc_suffix
        before, between, after = self.pieces
        return b"".join((before, job_id.encode(), between, time_text.encode(), after))


def read_samples(data: Path | None, count: int, payload_bytes: int | None = None) -> list[Sample]:
    """Up to count samples: real pairs of MNIST test and Free Spoken Digit test in data, or those of the sample pack.

    payload_bytes: resize image and audio together to this (lab.kit.padding) and skip samples that lack one; None =
    leave them as they are.
    Raises DataError if the data are missing.
    """
    source = open_source(
        str(PACK) if data is None else f"{PAIRS_PREFIX}{data}",
        count=None if data is None else count,
        seed=0,
        split="test",
    )
    samples = [sample for sample in islice(source, count) if isinstance(sample, Sample)]
    if payload_bytes is None:
        return samples
    return [padded(sample, payload_bytes) for sample in samples if sample.image and sample.audio]


def templates(samples: Sequence[Sample], group: str, wire: Wire = "msgpack") -> list[Template]:
    """One template a sample."""
    return [Template.of(sample, group, wire) for sample in samples]


def job_id_of(group: str, number: int) -> str:
    """The id of job `number` of the group: ID_CHARACTERS characters that begin with the group (up to 14)."""
    return f"{group:-<{ID_CHARACTERS - 10}.{ID_CHARACTERS - 10}}{number:010}"


def records(samples: Sequence[Sample], count: int, group: str, wire: Wire = "msgpack") -> Iterator[Record]:
    """That many jobs with distinct ids, created now; the samples repeat.

    group: 1-14 characters. Ids are job_id_of(group, number), from 0.
    """
    made = templates(samples, group, wire)
    now = datetime.now(UTC)
    for number in range(count):
        job_id = job_id_of(group, number)
        yield job_id, made[number % len(made)].record(job_id, now)
