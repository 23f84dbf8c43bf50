"""The files of a SQLite queue: private, ours, and never recreated if one is damaged or missing."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from mmdigit.files.regular import open_regular
from mmdigit.transport.sqlite.consumer import SqliteConsumer
from mmdigit.transport.sqlite.publisher import SqlitePublisher
from mmdigit.transport.sqlite.store import SqliteStore
from schemas.errors import MmdigitError, SettingsError, StoreError
from tests.factories import make_prediction


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    before = os.umask(0)
    yield tmp_path / "queue.db"
    os.umask(before)


def filled(path: Path, records: int = 50) -> None:
    with SqlitePublisher(path, "jobs") as publisher:
        for number in range(records):
            publisher.send(None, b"%d" % number * 500)
        publisher.flush(1)


def crashed(path: Path) -> None:
    """The files after a killed process: the log still contains the records."""
    publisher = SqlitePublisher(path, "jobs")
    publisher.send(None, b"kept in the log")
    publisher.flush(1)
    copies = {file.name: file.read_bytes() for file in path.parent.glob("queue.db*")}
    publisher.close()
    for file in path.parent.glob("queue.db*"):
        file.unlink()
    for name, content in copies.items():
        (path.parent / name).write_bytes(content)


def modes(path: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}


def test_prepare_file_makes_every_file_private(path: Path) -> None:
    with SqliteConsumer(path, "jobs", "g"), SqliteStore(path, ttl_s=60, feed_length=10) as store:
        filled(path)
        store.put([make_prediction(1)])
        found = modes(path)
        assert len(found) == 4
        assert {name.partition("-")[2].rpartition(".")[2] for name in found} == {"", "wal", "shm", "lock"}
        assert set(found.values()) == {0o600}


def test_prepare_file_narrows_modes_but_keeps_shared_ones(path: Path) -> None:
    filled(path)
    for before, after in ((0o644, 0o600), (0o660, 0o660)):
        for file in path.parent.iterdir():
            file.chmod(before)
        with SqliteConsumer(path, "jobs", f"g{before}") as consumer:
            assert len(consumer.poll(100, 0)) == 50
            assert {mode for name, mode in modes(path).items() if not name.endswith(".lock")} == {after}
            assert after in [mode for name, mode in modes(path).items() if name.endswith(".lock")]


def test_open_database_again_keeps_existing_locks(path: Path) -> None:
    """POSIX locks belong to a process and a file, so closing any descriptor of the file would release them all."""
    with SqlitePublisher(path, "jobs") as publisher:
        publisher._connection.execute("BEGIN IMMEDIATE")
        SqliteStore(path, ttl_s=60, feed_length=10).close()
        other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0); c.execute('BEGIN IMMEDIATE')"
        ran = subprocess.run([sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=False)
        assert "database is locked" in ran.stderr
        publisher._connection.execute("ROLLBACK")


def test_consumer_lock_is_the_same_for_every_link(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    with SqliteConsumer(path, "jobs", "g"), pytest.raises(SettingsError, match="only consumer"):
        SqliteConsumer(link, "jobs", "g")


def test_consumer_lock_does_not_follow_a_planted_link(path: Path, tmp_path: Path) -> None:
    SqliteConsumer(path, "jobs", "g").close()
    [lock] = tmp_path.glob("*.lock")
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    lock.unlink()
    lock.symlink_to(victim)
    with pytest.raises(SettingsError, match="symbolic link"):
        SqliteConsumer(path, "jobs", "g")
    assert victim.read_text() == "theirs"


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_prepare_file_rejects_other_kinds_of_files(path: Path, suffix: str) -> None:
    filled(path)
    place = path.with_name(path.name + suffix)
    for make in (os.mkfifo, os.mkdir):
        if place.is_file():
            place.unlink()
        make(place)
        with pytest.raises(SettingsError):
            SqlitePublisher(path, "jobs")
        place.rmdir() if place.is_dir() else place.unlink()


def test_prepare_file_rejects_a_symlink_loop(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(SettingsError, match=r"a (symlink loop|symbolic link)"):
        SqlitePublisher(path, "jobs")


def test_open_database_recovers_after_a_killed_process(path: Path) -> None:
    crashed(path)
    with SqliteConsumer(path, "jobs", "g") as consumer:
        assert [record.value for record in consumer.poll(9, 0)] == [b"kept in the log"]


def test_truncated_log_keeps_complete_transactions(path: Path) -> None:
    crashed(path)
    log = path.with_name("queue.db-wal")
    os.truncate(log, log.stat().st_size - 100)
    with SqliteConsumer(path, "jobs", "g") as consumer:
        consumer.poll(9, 0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "got no file queue.db; restore it, or remove the log too"),
        (lambda path: os.truncate(path, 0), "got an empty file queue.db"),
        (lambda path: path.with_name("queue.db-wal").write_bytes(b"digits" * 100), "got damaged data"),
    ],
)
def test_prepare_file_keeps_an_orphaned_or_damaged_log(
    path: Path, damage: Callable[[Path], object], message: str
) -> None:
    crashed(path)
    damage(path)
    before = path.with_name("queue.db-wal").read_bytes()
    for opens in (
        lambda: SqlitePublisher(path, "jobs"),
        lambda: SqliteConsumer(path, "jobs", "g"),
        lambda: SqliteStore(path, ttl_s=60, feed_length=10),
    ):
        with pytest.raises(SettingsError, match=message):
            opens()
    assert path.with_name("queue.db-wal").read_bytes() == before


def test_prepare_file_accepts_a_log_of_zeros(path: Path) -> None:
    filled(path)
    path.with_name("queue.db-wal").write_bytes(bytes(100))
    with SqliteConsumer(path, "jobs", "g") as consumer:
        assert len(consumer.poll(100, 0)) == 50


def test_log_that_another_process_removes_is_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of the other connections closes between the check of the log's size and its opening."""
    other = SqlitePublisher(path, "jobs")
    other.send(None, b"moved into the file when it closes")
    other.flush(1)

    def open_after_close(file: Path) -> BinaryIO:
        other.close()
        return open_regular(file)

    monkeypatch.setattr("mmdigit.files.sqlite_file.open_regular", open_after_close)
    with SqliteConsumer(path, "jobs", "g") as consumer:
        assert len(consumer.poll(100, 0)) == 1


def damaged(path: Path, offset: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + length] = b"\xa5" * length
    path.write_bytes(content)


@pytest.mark.parametrize("offset", [0, 16, 100, 4096, 8192, 12288, 16384])
def test_damaged_file_is_one_clear_error_and_kept(path: Path, offset: int) -> None:
    filled(path)
    size = path.stat().st_size
    damaged(path, offset, 4096 if offset >= 4096 else 64)
    raised: list[MmdigitError] = []
    try:
        with SqliteConsumer(path, "jobs", "g") as consumer:
            consumer.poll(100, 0)
    except MmdigitError as error:
        raised.append(error)
    try:
        with SqliteStore(path, ttl_s=60, feed_length=10) as store:
            store.put([make_prediction(1)])
    except MmdigitError as error:
        raised.append(error)
    assert {error.exit_code for error in raised} == {2}
    assert all("queue.db" in str(error) for error in raised)
    assert path.stat().st_size >= size


@pytest.mark.parametrize("length", [1, 50, 4095, 4096 * 3, 4096 * 5 + 7])
def test_truncated_file_is_one_clear_error(path: Path, length: int) -> None:
    filled(path)
    os.truncate(path, length)
    with pytest.raises(SettingsError, match=r"queue\.db"), SqliteConsumer(path, "jobs", "g") as consumer:
        consumer.poll(100, 0)
    assert path.stat().st_size >= length


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DROP TABLE feed", "without the tables feed"),
        ("DROP TABLE records; DROP TABLE topics", "without the tables records, topics"),
        ("ALTER TABLE committed RENAME COLUMN next_offset TO other", "damaged or altered"),
    ],
)
def test_open_database_rejects_another_schema(path: Path, change: str, message: str) -> None:
    filled(path)
    other = sqlite3.connect(path)
    other.executescript(change)
    other.close()
    with pytest.raises(SettingsError, match=message):
        SqliteConsumer(path, "jobs", "g")


@pytest.mark.parametrize("value", [5, "text", 1.5, b"\xff", b"\x81\x01\x02"])
def test_foreign_column_types_are_read_or_rejected(path: Path, value: object) -> None:
    filled(path, 1)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        SqliteStore(path, ttl_s=60, feed_length=10) as store,
    ):
        store.put([make_prediction(1)])
        other.execute("UPDATE predictions SET prediction = ?", (value,))
        other.execute("UPDATE feed SET prediction = ?", (value,))
        for read in (lambda: store.get(["job-1"]), store.feed):
            with pytest.raises(StoreError):
                read()
        other.execute(
            "UPDATE records SET value = :value, key = :value, headers = :value, timestamp_s = :value", {"value": value}
        )
    with SqliteConsumer(path, "jobs", "g") as consumer:
        [record] = consumer.poll(1, 0)
    assert isinstance(record.value, bytes)
    assert isinstance(record.key, bytes)
    assert isinstance(record.timestamp_s, float)
    assert record.headers == {}
