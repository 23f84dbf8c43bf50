"""Fakes of the ports and the model, for tests of the loop without a broker, a store or weights."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import numpy as np
from PIL import Image

from mmdigit.reading.model_input import ModelInput
from mmdigit.transport.ports import GroupCounts, LossCause, Outcome, Record, TopicPartition
from schemas.dead_letter import DeadLetter
from schemas.errors import RebalanceError, StoreError, TransportError
from schemas.job import Job
from schemas.prediction import Answer, Prediction
from schemas.wire import decode_dead_letter, encode
from worker.loop import Worker
from worker.metrics import Metrics
from worker.settings import WorkerSettings
from worker.tracing import NO_TRACING, Tracing

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
P0 = TopicPartition("jobs", 0)
P1 = TopicPartition("jobs", 1)


def image_bytes(shade: int) -> bytes:
    """A raw 28x28 image whose stroke has the given brightness: the fake model answers shade % 10."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 13:15] = shade
    return pixels.tobytes()


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), 255).save(buffer, "PNG")
    return buffer.getvalue()


def job_value(job_id: str, image: bytes | None = None, group: str | None = "g") -> bytes:
    job = Job(job_id=job_id, group=group, image=image or image_bytes(200), created_at=NOON)
    return encode(job, "msgpack")


def record(offset: int, value: bytes, partition: TopicPartition = P0) -> Record:
    return Record(partition.topic, partition.partition, offset, None, value, 0.0)


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Closable:
    """The context manager that every port is."""

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class FakeConsumer(Closable):
    """Delivers scripted records, failures and rebalances."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.queue = list(records)
        self.commits: list[dict[TopicPartition, int]] = []
        self.failing_polls = self.failing_commits = self.keep_alives = 0
        self.before_poll: Callable[[], object] = lambda: None
        self.in_keep_alive: Callable[[], object] = lambda: None
        self.on_assigned: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None = None
        self.on_restarted: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_records_lost: Callable[[LossCause, int], None] | None = None
        self.silent = ""
        self.next_polled: dict[TopicPartition, int] = {}
        self.slow_commits = False
        """While set, begun commits stay pending."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.before_poll()
        if self.failing_polls:
            self.failing_polls -= 1
            raise TransportError("broker away")
        taken, self.queue = self.queue[:max_records], self.queue[max_records:]
        return taken

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if self.failing_commits:
            self.failing_commits -= 1
            raise RebalanceError("moved")
        self.commits.append(dict(next_offsets))

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> "FakePendingCommit":
        pending = FakePendingCommit(self, dict(next_offsets))
        pending.done()  # listed at once, unless commits are slow
        return pending

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        raise NotImplementedError

    def keep_alive(self) -> None:
        self.keep_alives += 1
        self.in_keep_alive()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({P0, P1})

    def lag(self) -> dict[TopicPartition, int]:
        return {P0: len(self.queue)}

    def positions(self) -> dict[TopicPartition, int]:
        return self.next_polled

    def waiting_for(self) -> str:
        return self.silent


@dataclass
class FakePendingCommit:
    """Joins the consumer's list of commits once commits are not slow."""

    consumer: FakeConsumer
    next_offsets: dict[TopicPartition, int]
    error: RebalanceError | TransportError | None = None
    reached: bool = False

    def done(self) -> bool:
        if not self.reached and not self.consumer.slow_commits:
            self.reached = True
            try:
                self.consumer.commit(self.next_offsets)
            except (RebalanceError, TransportError) as error:
                self.error = error
        return self.reached

    def result(self) -> None:
        if self.error is not None:
            raise self.error


class FakeStore(Closable):
    """Keeps predictions in memory; fails the next `failing` writes."""

    def __init__(self) -> None:
        self.predictions: dict[str, Prediction] = {}
        self.dead_notes: list[DeadLetter] = []
        self.failing = self.puts = 0

    def put(self, predictions: Sequence[Prediction]) -> None:
        self.puts += 1
        self._maybe_fail()
        self.predictions |= {prediction.job_id: prediction for prediction in predictions}

    def put_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        self._maybe_fail()
        self.dead_notes += dead_letters

    def _maybe_fail(self) -> None:
        if self.failing:
            self.failing -= 1
            raise StoreError("store away")

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        return [self.predictions.get(job_id) for job_id in job_ids]

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        raise NotImplementedError

    def counts(self, group: str) -> GroupCounts:
        raise NotImplementedError

    def group_outcomes(self, group: str, after: str = "", limit: int = 1000) -> list[Outcome]:
        raise NotImplementedError

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        raise NotImplementedError

    def feed_end(self) -> str:
        raise NotImplementedError


class FakePublisher(Closable):
    """Acknowledges on flush; never acknowledges the next `lose` records."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.lose = 0
        self._buffer: list[tuple[bytes, Callable[[], object] | None]] = []

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        self._buffer.append((value, on_delivered))

    def flush(self, timeout_s: float) -> None:
        buffer, self._buffer = self._buffer, []
        lost = 0
        for value, on_delivered in buffer:
            if self.lose:
                self.lose -= 1
                lost += 1
                continue
            self.letters.append(decode_dead_letter(value))
            if on_delivered is not None:
                on_delivered()
        if lost:
            raise TransportError(f"{lost} records not acknowledged")


class FakeModel:
    """Answers with the brightness of the image modulo 10; raises on images as bright as `poison`."""

    model_version = "fake-1"

    def __init__(self, poison: int | None = None) -> None:
        self.poison = poison
        self.batches: list[int] = []
        self.broken = 0
        """How many of the next calls fail."""

    def warm_up(self) -> None:
        self._maybe_fail()

    def _maybe_fail(self) -> None:
        if self.broken:
            self.broken -= 1
            raise RuntimeError("the model cannot take anything")

    def predict(self, samples: Sequence[ModelInput]) -> list[Answer]:
        self.batches.append(len(samples))
        self._maybe_fail()
        shades = [0 if sample.image is None else round(float(sample.image.max()) * 255) for sample in samples]
        if self.poison in shades:
            raise RuntimeError("the model cannot take this")
        return [answer(shade % 10) for shade in shades]


def answer(label: int) -> Answer:
    probabilities = tuple(1.0 if digit == label else 0.0 for digit in range(10))
    return Answer(
        label=label,
        confidence=1.0,
        probabilities=probabilities,
        novelty=0.0,
        decision="accept",
        model_version="fake-1",
    )


@dataclass
class Bench:
    """A worker on fakes. Waits default to 0, so that every turn finishes and commits a batch."""

    consumer: FakeConsumer = field(default_factory=FakeConsumer)
    store: FakeStore = field(default_factory=FakeStore)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    model: FakeModel = field(default_factory=FakeModel)
    metrics: Metrics = field(default_factory=Metrics)
    clock: Clock = field(default_factory=Clock)
    options: dict[str, object] = field(default_factory=dict)
    tracing: Tracing = NO_TRACING

    def __post_init__(self) -> None:
        urls = {"from": "sqlite:///a.db", "store": "sqlite:///a.db"}
        fields = {**urls, "batch_wait_s": 0.0, "commit_every_s": 0.0, "retry_max_s": 0.001}
        self.settings = WorkerSettings.model_validate(fields | self.options)
        self.worker = Worker(
            self.settings,
            self.model,
            self.consumer,
            self.store,
            self.publisher,
            self.metrics,
            clock=self.clock,
            now=lambda: NOON,
            tracing=self.tracing,
        )
        assert self.consumer.on_assigned is not None
        self.consumer.on_assigned(frozenset({P0, P1}))

    def revoke(self, *partitions: TopicPartition) -> dict[TopicPartition, int]:
        """Revoke partitions; returns the offsets that the worker wants committed."""
        assert self.consumer.on_revoked is not None
        return dict(self.consumer.on_revoked(frozenset(partitions)))

    def count(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value(name, labels)
        assert value is not None, f"{name}{labels} is not exported"
        return value
