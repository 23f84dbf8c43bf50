"""Jobs as encoded records, made before a run so that making them costs nothing in it.

    samples = read_samples(data, 10_000)
    for job_id, value in records(samples, 100_000, "benchmark"): ...

Each distinct sample is encoded once, with marks of fixed length in place of its id and moment; a record is a sample's
encoding with those two filled in. So a million jobs take seconds, and a job can be stamped while it is sent.
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
_MOMENT_MARK = datetime(2001, 2, 3, 4, 5, 6, 789_123, UTC)
_MOMENT_TEXTS = {"json": ("2001-02-03T04:05:06.789123Z", "Z"), "msgpack": (_MOMENT_MARK.isoformat(), "+00:00")}

Record = tuple[str, bytes]
"""job_id and encoded job."""


@dataclass(frozen=True, slots=True)
class Template:
    """One job's encoding, in three pieces around its id and its moment."""

    pieces: tuple[bytes, bytes, bytes]
    offset_text: str

    @classmethod
    def of(cls, sample: Sample, group: str, wire: Wire) -> Self:
        """The sample as a job of that group. Raises ValueError if it has neither an image nor audio."""
        job = Job(
            job_id=_ID_MARK,
            group=group,
            image=sample.image,
            audio=sample.audio,
            expected=sample.label,
            created_at=_MOMENT_MARK,
        )
        moment, offset_text = _MOMENT_TEXTS[wire]
        # The id stands before the picture and the moment after the sound, whatever bytes those hold.
        before, _, rest = encode(job, wire).partition(_ID_MARK.encode())
        between, _, after = rest.rpartition(moment.encode())
        return cls((before, between, after), offset_text)

    def record(self, job_id: str, created_at: datetime) -> bytes:
        """The job with that id, of ID_CHARACTERS characters, and that moment, in UTC."""
        moment = created_at.replace(tzinfo=None).isoformat(timespec="microseconds") + self.offset_text
        before, between, after = self.pieces
        return b"".join((before, job_id.encode(), between, moment.encode(), after))


def read_samples(data: Path | None, count: int, payload_bytes: int | None = None) -> list[Sample]:
    """Up to count samples: real pairs of MNIST test and Free Spoken Digit test in data, or those of the sample pack.

    payload_bytes: of image and audio together, which are then made of that size (lab.kit.padding), those that lack
    one left out; None = as they are.
    Raises DataError if the data are not there.
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
    """Each sample's encoding."""
    return [Template.of(sample, group, wire) for sample in samples]


def job_id_of(group: str, number: int) -> str:
    """The id of that job of the group: ID_CHARACTERS characters, the group (up to 14) within."""
    return f"{group:-<{ID_CHARACTERS - 10}.{ID_CHARACTERS - 10}}{number:010}"


def records(samples: Sequence[Sample], count: int, group: str, wire: Wire = "msgpack") -> Iterator[Record]:
    """So many jobs, the samples over and over, each with an id of its own and all created now.

    group: 1-14 characters. Ids are job_id_of(group, number), number from 0.
    """
    made = templates(samples, group, wire)
    now = datetime.now(UTC)
    for number in range(count):
        job_id = job_id_of(group, number)
        yield job_id, made[number % len(made)].record(job_id, now)
