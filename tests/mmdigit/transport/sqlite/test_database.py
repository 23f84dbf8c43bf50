"""SQLite specifics beyond the contract: foreign files, locks, full disks, trimming, waiting."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mmdigit.transport.ports import GroupCounts, TopicPartition
from mmdigit.transport.sqlite import database
from mmdigit.transport.sqlite.consumer import SqliteConsumer
from mmdigit.transport.sqlite.database import map_errors, open_database
from mmdigit.transport.sqlite.publisher import LINGER_S, SqlitePublisher
from mmdigit.transport.sqlite.store import _OUTCOMES, SqliteStore
from schemas.errors import SettingsError, StoreError, TransportError
from tests.factories import make_dead_letter, make_prediction
from tests.processes import Start

GOLDEN = Path(__file__).parents[1] / "golden"


class Clock:
    """A clock that moves only when set, or by sleeping."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        self.now_s += duration_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


def test_open_database_syncs_acknowledged_writes(path: Path) -> None:
    with open_database(path, TransportError) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    connection.close()


def test_open_database_leaves_another_programs_file_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (a)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="another program"):
        SqlitePublisher(path, "jobs")
    assert path.read_bytes() == before


def test_migration_of_version_1_keeps_all_data(path: Path) -> None:
    shutil.copyfile(GOLDEN / "queue-v1.db", path)  # three records, the first committed
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA user_version").fetchone() == (1,)
    with SqlitePublisher(path, "jobs") as publisher, SqliteConsumer(path, "jobs", "readers") as consumer:
        publisher.send(None, b"new", headers={"a": b"1"})
        publisher.flush(1)
        records = consumer.poll(9, 0)
        consumer.commit({TopicPartition("jobs", 0): 4})
    assert [(record.offset, record.key, record.value, record.headers) for record in records] == [
        (1, b"key 1", b"value 1", {}),
        (2, b"key 2", b"value 2", {}),
        (3, None, b"new", {"a": b"1"}),
    ]
    assert other.execute("PRAGMA user_version").fetchone() == (database.SCHEMA_VERSION,)
    # A running program of the earlier release continues too.
    other.execute("INSERT INTO records (topic, offset, timestamp_s, bytes_before, value) VALUES (1, 4, 0, 0, 'x')")
    other.close()


def test_migration_of_version_2_keeps_all_outcomes(path: Path) -> None:
    shutil.copyfile(GOLDEN / "queue-v2.db", path)  # two predictions and a dead letter, which never expire
    other = sqlite3.connect(path, isolation_level=None)
    assert other.execute("PRAGMA user_version").fetchone() == (2,)
    with SqliteStore(path, ttl_s=60, feed_length=10) as store:
        assert store.counts("g") == GroupCounts(done=2, dead=1)
        assert store.group_outcomes("g") == []  # of jobs that this release answered
        store.put([make_prediction(2), make_prediction(3), make_prediction(4)])
        assert store.counts("g") == GroupCounts(done=4, dead=0)
        found = store.group_outcomes("g")
        assert [outcome.result for outcome in found] == [make_prediction(3), make_prediction(4)]
        assert store.get(["job-1"]) == [make_prediction(1)]
        # A running program of the earlier release continues too.
        value = other.execute("SELECT prediction FROM predictions WHERE job_id = 'job-4'").fetchone()[0]
        other.execute("INSERT OR REPLACE INTO predictions VALUES ('job-4', ?, 1e12)", (value,))
        assert store.group_outcomes("g") == found
    assert other.execute("PRAGMA user_version").fetchone() == (database.SCHEMA_VERSION,)
    other.close()


@pytest.mark.parametrize("old", ["queue-v1.db", "queue-v2.db"])
def test_migration_gives_the_schema_of_a_new_file(path: Path, old: str) -> None:
    def schema(file: Path) -> list[object]:
        connection = open_database(file, TransportError)
        names = connection.execute("SELECT type, name FROM sqlite_master ORDER BY type, name").fetchall()
        columns = [
            connection.execute(f"PRAGMA table_info({name})").fetchall() for kind, name in names if kind == "table"
        ]
        connection.close()
        return [names, columns]

    shutil.copyfile(GOLDEN / old, path)
    assert schema(path) == schema(path.with_name("new.db"))


@pytest.mark.parametrize("old", ["queue-v1.db", "queue-v2.db"])
def test_migration_by_two_programs_at_once(path: Path, old: str) -> None:
    shutil.copyfile(GOLDEN / old, path)
    late = sqlite3.connect(path, isolation_level=None)  # saw the old version, migrates second
    open_database(path, TransportError).close()
    assert database._upgrade(late) == database.SCHEMA_VERSION
    late.close()


def test_open_database_rejects_a_newer_schema(path: Path) -> None:
    SqlitePublisher(path, "jobs").close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(SettingsError, match="schema version 99"):
        SqliteStore(path, ttl_s=1, feed_length=1)


def test_open_database_rejects_a_file_that_is_not_sqlite(path: Path) -> None:
    path.write_bytes(b"digits, digits, digits" * 100)
    with pytest.raises(SettingsError, match="not a SQLite database"):
        SqliteConsumer(path, "jobs", "g")


def test_open_database_rejects_a_missing_folder(path: Path) -> None:
    with pytest.raises(SettingsError, match="create the folder"):
        SqlitePublisher(path / "nested.db", "jobs")


@pytest.mark.parametrize(
    "error", [value for value in vars(sqlite3).values() if isinstance(value, type) and issubclass(value, sqlite3.Error)]
)
def test_map_errors_covers_every_sqlite_error(error: type[sqlite3.Error]) -> None:
    with pytest.raises(StoreError) as caught, map_errors(Path("file"), StoreError):
        raise error("broken")
    assert isinstance(caught.value.__cause__, error)


def test_send_to_a_locked_file_drops_the_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    with SqlitePublisher(path, "jobs") as publisher:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransportError, match="another process has locked it"):
            publisher.send(None, b"refused")
        other.execute("ROLLBACK")
        other.close()
        publisher.send(None, b"taken")
        publisher.flush(1)
    with SqliteConsumer(path, "jobs", "g") as consumer:
        assert [record.value for record in consumer.poll(9, 0)] == [b"taken"]


def test_send_on_a_full_disk_delivers_nothing(path: Path) -> None:
    delivered: list[int] = []
    with SqlitePublisher(path, "jobs") as publisher:
        (pages,) = publisher._connection.execute("PRAGMA page_count").fetchone()
        publisher._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(TransportError, match="free disk space"):
            publisher.send(None, bytes(100_000), lambda: delivered.append(1))
        publisher._connection.execute("PRAGMA max_page_count = 100000")
        publisher.send(None, b"fits", lambda: delivered.append(2))
        publisher.flush(1)
    assert delivered == [2]


def test_put_on_a_full_disk_stores_nothing(path: Path) -> None:
    with SqliteStore(path, ttl_s=60, feed_length=10_000) as store:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(StoreError, match="free disk space"):
            store.put([make_prediction(number) for number in range(1000)])
        assert store.get(["job-0"]) == [None]
        assert store.counts("g") == GroupCounts(done=0, dead=0)
        assert store.feed() == []


def test_open_database_reports_a_read_only_file(path: Path) -> None:
    with SqlitePublisher(path, "jobs") as publisher:
        publisher._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(TransportError, match="readonly"):
            publisher.send(None, b"x")


def test_send_writes_at_once_or_in_batches(path: Path) -> None:
    clock = Clock()
    with SqlitePublisher(path, "jobs", monotonic=clock) as publisher, SqliteConsumer(path, "jobs", "g") as consumer:
        publisher.send(None, b"first")
        publisher.send(None, b"second")
        assert [record.value for record in consumer.poll(9, 0)] == [b"first"]
        clock.now_s += LINGER_S
        publisher.send(None, b"third")
        assert [record.value for record in consumer.poll(9, 0)] == [b"second", b"third"]


def test_consumer_lock_ends_with_a_killed_process(path: Path, start: Start) -> None:
    holds = "import sys; from pathlib import Path; from mmdigit.transport.sqlite.consumer import SqliteConsumer\n"
    holds += "SqliteConsumer(Path(sys.argv[1]), 'jobs', 'g'); print('held', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    child = start(
        [sys.executable, "-c", holds, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(SettingsError, match=f"got another in process {child.pid}"):
        SqliteConsumer(path, "jobs", "g")
    SqliteConsumer(path, "jobs", "other group").close()
    SqliteConsumer(path, "other-topic", "g").close()
    child.kill()
    child.wait()
    SqliteConsumer(path, "jobs", "g").close()


def test_commit_trims_records_that_every_group_read(path: Path) -> None:
    partition = TopicPartition("jobs", 0)
    with (
        SqlitePublisher(path, "jobs") as publisher,
        SqliteConsumer(path, "jobs", "slow", retained_bytes=1000) as slow,
        SqliteConsumer(path, "jobs", "quick", retained_bytes=1000) as quick,
    ):
        for _ in range(100):
            publisher.send(None, bytes(100))
        publisher.flush(1)
        slow.keep_alive()
        assert len(quick.poll(1000, 0)) == 100
        quick.commit({partition: 100})
        quick.rewind({partition: 0})
        assert len(quick.poll(1000, 0)) == 100  # the slow group has not read them
        slow.commit({partition: 50})
        quick.rewind({partition: 0})
        kept = [record.offset for record in quick.poll(1000, 0)]
        assert kept == list(range(39, 100))  # record 49, the 1000 bytes before it, and unread records
        slow.commit({partition: 100})
        slow.rewind({partition: 0})
        assert slow.poll(1, 0)[0].offset == 89


def test_store_expires_predictions_notes_and_counts(path: Path) -> None:
    clock = Clock()
    with SqliteStore(path, ttl_s=60, feed_length=10, clock=clock) as store:
        store.put([make_prediction(1)])
        store.put_dead_letters([make_dead_letter(2)])
        clock.now_s += 59
        assert store.get(["job-1"]) == [make_prediction(1)]
        assert store.dead_letter_reasons(["job-2"]) == ["invalid_image"]
        clock.now_s += 2
        assert store.get(["job-1"]) == [None]
        assert store.dead_letter_reasons(["job-2"]) == [None]
        assert store.counts("g") == GroupCounts(done=0, dead=0)
        store.put([make_prediction(3)])
        assert store.counts("g") == GroupCounts(done=1, dead=0)
        assert store._connection.execute("SELECT count(*) FROM predictions").fetchone() == (1,)  # purged too
        assert store._connection.execute("SELECT count(*) FROM dead_notes").fetchone() == (0,)
        assert store._connection.execute("SELECT count(*) FROM outcomes").fetchone() == (1,)


def test_outcomes_keep_a_job_as_long_as_its_prediction(path: Path) -> None:
    clock = Clock()
    with SqliteStore(path, ttl_s=60, feed_length=10, clock=clock) as store:
        store.put([make_prediction(1), make_prediction(2)])
        store.put_dead_letters([make_dead_letter(3), make_dead_letter(4)])
        clock.now_s += 59
        store.put([make_prediction(2)])
        store.put_dead_letters([make_dead_letter(4)])
        clock.now_s += 2
        assert [outcome.job_id for outcome in store.group_outcomes("g")] == ["job-2", "job-4"]
        store.put([make_prediction(5)])  # purges
        assert [outcome.job_id for outcome in store.group_outcomes("g")] == ["job-2", "job-4", "job-5"]
        store.put([make_prediction(1)])
        assert [outcome.job_id for outcome in store.group_outcomes("g")] == ["job-2", "job-4", "job-5", "job-1"]


def test_outcomes_and_feed_refuse_a_position_beyond_any(path: Path) -> None:
    with SqliteStore(path, ttl_s=60, feed_length=10) as store:
        for position in ("9" * 19, "9" * 5000):
            with pytest.raises(SettingsError, match="expected a position in this feed"):
                store.feed(position)
            with pytest.raises(SettingsError, match="expected a position in this group"):
                store.group_outcomes("g", position)


def test_group_outcomes_reads_by_index(path: Path) -> None:
    with SqliteStore(path, ttl_s=60, feed_length=10) as store:
        plan = store._connection.execute(
            f"EXPLAIN QUERY PLAN {_OUTCOMES}", {"now_s": 0, "job_group": "g", "after": 0, "limit": 9}
        ).fetchall()
    steps = [row[3] for row in plan]
    assert "outcomes_group (job_group=? AND position>?)" in steps[0].replace("rowid", "position")
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in steps)


def test_feed_is_capped_exactly(path: Path) -> None:
    with SqliteStore(path, ttl_s=60, feed_length=3) as store:
        store.put([make_prediction(number) for number in range(10)])
        assert [prediction.job_id for _, prediction in store.feed()] == ["job-7", "job-8", "job-9"]
