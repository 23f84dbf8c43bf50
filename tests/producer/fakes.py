"""Fakes of the publisher, store, clock, source and progress."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from mmdigit.transport.ports import GroupCounts, Outcome
from producer.pace import Clock
from producer.sources.sample import Sample, Unreadable
from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidRecord, StoreError, TransportError
from schemas.job import Job
from schemas.prediction import HeadAnswer, Prediction, Source, Timings
from schemas.wire import decode_job

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeTime:
    """A clock that advances only by sleeping."""

    now_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept_s.append(seconds)
        self.now_s += seconds
        self.on_sleep()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, self.sleep, lambda: EPOCH + timedelta(seconds=self.now_s))


@dataclass
class FakePublisher:
    """Keeps what is sent; acknowledges on flush, at once, or only the first records."""

    acknowledges_at_once: bool = False
    takes: int | None = None
    """Fails after this many records."""
    interrupts_after: int | None = None
    refuses: Callable[[Job], bool] = lambda job: False
    acknowledges_only: int | None = None
    values: list[bytes] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    headers: list[Mapping[str, bytes] | None] = field(default_factory=list)
    _unacknowledged: list[Callable[[], object]] = field(default_factory=list)
    acknowledged: int = 0

    @property
    def jobs(self) -> list[Job]:
        return [decode_job(value) for value in self.values]

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        if self.interrupts_after is not None and len(self.values) >= self.interrupts_after:
            raise KeyboardInterrupt
        if self.takes is not None and len(self.values) >= self.takes:
            raise TransportError("broker fell over")
        if self.refuses(decode_job(value)):
            raise InvalidRecord("the topic takes no such record")
        self.keys.append(key)
        self.headers.append(headers)
        self.values.append(value)
        if on_delivered is not None:
            self._unacknowledged.append(on_delivered)
        if self.acknowledges_at_once:
            self._acknowledge()

    def flush(self, timeout_s: float) -> None:
        self._acknowledge()
        if self._unacknowledged and self.acknowledges_only is not None:
            raise TransportError(f"not acknowledged within {timeout_s} s")

    def _acknowledge(self) -> None:
        while self._unacknowledged and (self.acknowledges_only is None or self.acknowledged < self.acknowledges_only):
            self._unacknowledged.pop(0)()
            self.acknowledged += 1

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...


@dataclass
class FakeStore:
    """Predictions and dead-letter notes by job id; fails the next `failures` calls."""

    predictions: dict[str, Prediction] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    others: int = 0
    failures: int = 0
    looked_up: int = 0

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        if self.failures:
            self.failures -= 1
            raise StoreError("store is away")
        self.looked_up += len(job_ids)
        return [self.predictions.get(job_id) for job_id in job_ids]

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        return [self.notes.get(job_id) for job_id in job_ids]

    def counts(self, group: str) -> GroupCounts:
        return GroupCounts(len(self.predictions) + self.others, len(self.notes))

    def put(self, predictions: Sequence[Prediction]) -> None:
        self.predictions |= {prediction.job_id: prediction for prediction in predictions}

    def put_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        raise NotImplementedError

    def group_outcomes(self, group: str, after: str = "", limit: int = 1000) -> list[Outcome]:
        raise NotImplementedError

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        raise NotImplementedError

    def feed_end(self) -> str:
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...


@dataclass
class FakeSource:
    """A source of the given samples."""

    samples: Sequence[Sample | Unreadable]
    group: str = "fake"

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        return iter(self.samples)


@dataclass
class FakeProgress:
    """Records every call."""

    updates: list[tuple[int, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def update(self, completed: int, note: str) -> None:
        self.updates.append((completed, note))

    def line(self, text: str) -> None:
        self.lines.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...


def samples(count: int) -> list[Sample]:
    """Samples with different content and labels."""
    return [Sample(f"sample-{number}", b"image %d" % number, None, number % 10) for number in range(count)]


def prediction_of(job_id: str, label: int = 7, **changes: object) -> Prediction:
    """A stored prediction of the job."""
    fields: Mapping[str, object] = {
        "job_id": job_id,
        "label": label,
        "confidence": 0.75,
        "probabilities": (0.1,) * 10,
        "image": HeadAnswer(label=label, confidence=0.5),
        "novelty": 0.125,
        "decision": "review",
        "reasons": ("low_confidence", "conflict"),
        "model_version": "test",
        "source": Source(topic="jobs", partition=0, offset=0),
        "timings": Timings(created_at=EPOCH, predicted_at=EPOCH, wait_s=0, predict_s=0, batch_size=1),
    }
    return Prediction.model_validate({**fields, **changes})
