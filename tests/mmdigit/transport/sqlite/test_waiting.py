"""Waiting for another connection's rows: as a consumer polls, and as a reader of the feed."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmdigit.transport.sqlite.consumer import SqliteConsumer
from mmdigit.transport.sqlite.publisher import SqlitePublisher
from mmdigit.transport.sqlite.store import SqliteStore
from mmdigit.transport.sqlite.waiting import PAUSE_S, wait_for_rows
from tests.factories import make_prediction
from tests.mmdigit.transport.sqlite.test_database import Clock

SLEEPS = 400


class SleepingClock(Clock):
    """A clock that calls `during` in the third sleep, or in each."""

    def __init__(self, during: Callable[[], object], *, each: bool = False) -> None:
        super().__init__()
        self._during = during
        self._each = each

    def sleep(self, duration_s: float) -> None:
        super().sleep(duration_s)
        if self._each or len(self.slept) == 3:
            self._during()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def table(path: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """A reader of a table, and a writer."""
    reader, writer = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE t (a)")
    yield reader, writer
    reader.close()
    writer.close()


def test_wait_for_rows_reads_again_only_after_a_commit(table: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    reader, writer = table
    reads: list[int] = []
    clock = SleepingClock(lambda: writer.execute("INSERT INTO t VALUES (1)"))

    def read() -> list[int]:
        reads.append(len(clock.slept))
        return []

    assert wait_for_rows(reader, read, SLEEPS * PAUSE_S, monotonic=clock, sleep=clock.sleep) == []
    assert reads == [0, 3]
    assert sum(clock.slept) == pytest.approx(SLEEPS * PAUSE_S)
    assert len(clock.slept) <= SLEEPS + 1


def test_wait_for_rows_pauses_on_a_busy_file(table: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    reader, writer = table
    clock = SleepingClock(lambda: writer.execute("INSERT INTO t VALUES (1)"), each=True)
    reads: list[int] = []

    def read() -> list[int]:
        writer.execute("INSERT INTO t VALUES (2)")
        reads.append(len(clock.slept))
        assert len(reads) < 100
        return []

    assert wait_for_rows(reader, read, 10 * PAUSE_S, monotonic=clock, sleep=clock.sleep) == []
    assert reads == sorted(set(reads))  # a pause before each


def test_wait_for_rows_sees_a_commit_while_it_reads(table: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    reader, writer = table
    clock = Clock()

    def read() -> list[tuple[int]]:
        rows = reader.execute("SELECT a FROM t").fetchall()
        if not clock.slept:
            writer.execute("INSERT INTO t VALUES (7)")
        return rows

    assert wait_for_rows(reader, read, 10.0, monotonic=clock, sleep=clock.sleep) == [(7,)]
    assert clock.slept == [PAUSE_S]


def test_poll_sleeps_until_its_timeout(path: Path) -> None:
    clock = Clock()
    with SqliteConsumer(path, "jobs", "g", monotonic=clock, sleep=clock.sleep) as consumer:
        assert consumer.poll(1, 0.5) == []
    assert sum(clock.slept) == pytest.approx(0.5)


def test_poll_wakes_for_another_process(path: Path) -> None:
    with SqlitePublisher(path, "jobs") as publisher:
        clock = SleepingClock(lambda: publisher.send(None, b"at last"))
        with SqliteConsumer(path, "jobs", "g", monotonic=clock, sleep=clock.sleep) as consumer:
            assert [record.value for record in consumer.poll(1, 10.0)] == [b"at last"]
    assert clock.slept == [PAUSE_S] * 3


def test_feed_wakes_for_another_process(path: Path) -> None:
    with SqliteStore(path, ttl_s=60, feed_length=10) as writer:
        clock = SleepingClock(lambda: writer.put([make_prediction(1)]))
        with SqliteStore(path, ttl_s=60, feed_length=10, monotonic=clock, sleep=clock.sleep) as reader:
            assert [prediction for _, prediction in reader.feed(timeout_s=10.0)] == [make_prediction(1)]
            assert clock.slept == [PAUSE_S] * 3
            assert [prediction for _, prediction in reader.feed(timeout_s=10.0)] == [make_prediction(1)]
            assert reader.feed("1", timeout_s=0.02) == []
    assert sum(clock.slept) == pytest.approx(3 * PAUSE_S + 0.02)


def test_feed_reads_nothing_of_a_quiet_file(path: Path) -> None:
    statements: list[str] = []
    clock = Clock()
    with SqliteStore(path, ttl_s=60, feed_length=10, monotonic=clock, sleep=clock.sleep) as reader:
        reader._connection.set_trace_callback(statements.append)
        assert reader.feed(timeout_s=1.0) == []
    assert [statement.split()[0] for statement in statements].count("SELECT") == 1
    assert len(statements) > 100
