"""The schedule is kept whatever sending costs, and each job carries its intended time."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from confluent_kafka import Producer

from lab.kit.open_loop import due_times_s, send
from lab.kit.records import job_id_of, templates
from lab.kit.stack import Place
from producer.pace import Clock
from producer.sources.sample import Sample
from schemas.wire import decode_job

PLACE = Place("nowhere:1", "jobs", "redis://nowhere/0", partitions=3)
JOBS = templates([Sample("a", b"picture", None, 1), Sample("b", None, b"sound", 2)], "benchmark")
START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTime:
    """Passes only in sleep, and where a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []
        self.clock = Clock(lambda: self.now_s, self.sleep, lambda: START + timedelta(seconds=self.now_s - 100.0))

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


class FakeProducer:
    """Acknowledges at the next poll, but for the refused jobs; hangs for stall_s when it is given the stalling one."""

    def __init__(self, time: FakeTime, stalling: int = -1, stall_s: float = 0.0, refused: int = -1) -> None:
        self.time, self.stalling, self.stall_s, self.refused = time, stalling, stall_s, refused
        self.sent: list[tuple[str, bytes, int]] = []
        self.waiting: list[Callable[[], object]] = []

    def produce(self, topic: str, value: bytes, partition: int, on_delivery: Callable[[Any, Any], object]) -> None:
        number = len(self.sent)
        self.sent.append((topic, value, partition))
        self.waiting.append(lambda: on_delivery("refused" if number == self.refused else None, None))
        if number == self.stalling:
            self.time.now_s += self.stall_s

    def poll(self, _timeout_s: float) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def test_times_are_even_and_add_up_no_error() -> None:
    times_s = due_times_s(5.0, 3.0, 30_001)
    assert times_s[:2] == [5.0, pytest.approx(5 + 1 / 3)]
    assert times_s[-1] == 5.0 + 10_000.0


def test_a_sender_on_time_waits_for_each_job() -> None:
    time = FakeTime()
    producer = FakeProducer(time)
    sent = send(cast(Producer, producer), PLACE, JOBS, 10.0, 5, time.clock)
    assert sent.sent_s == pytest.approx(sent.due_s)
    assert sent.acked_s == sent.sent_s
    assert len(time.slept_s) == 5
    assert [partition for _, _, partition in producer.sent] == [0, 1, 2, 0, 1]


def test_a_sender_that_falls_behind_sends_at_once_and_keeps_the_intended_times() -> None:
    time = FakeTime()
    producer = FakeProducer(time, stalling=2, stall_s=0.35)
    sent = send(cast(Producer, producer), PLACE, JOBS, 10.0, 10, time.clock)
    assert sent.due_s == due_times_s(sent.due_s[0], 10.0, 10)
    behind_s = [at - due for at, due in zip(sent.sent_s, sent.due_s, strict=True)]
    assert behind_s == pytest.approx([0, 0, 0, 0.25, 0.15, 0.05, 0, 0, 0, 0], abs=1e-9)
    created = [decode_job(value).created_at for _, value, _ in producer.sent]
    intended = [START + timedelta(seconds=due - 100.0) for due in sent.due_s]
    assert all(abs(at - due) <= timedelta(microseconds=1) for at, due in zip(created, intended, strict=True))


def test_every_job_has_its_own_id_and_a_refused_one_no_acknowledgement() -> None:
    time = FakeTime()
    producer = FakeProducer(time, refused=1)
    sent = send(cast(Producer, producer), PLACE, JOBS, 10.0, 3, time.clock)
    assert [decode_job(value).job_id for _, value, _ in producer.sent] == [job_id_of("benchmark", n) for n in range(3)]
    assert [math.isnan(at) for at in sent.acked_s] == [False, True, False]
