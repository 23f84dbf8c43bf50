"""One SQLite file as queue and store: opens it, holds its schema, and maps every sqlite3 error in one place.

Acknowledged means durable: WAL with synchronous=FULL syncs the log before a commit returns, so that neither kill -9
nor a power cut takes back an acknowledged record, offset or prediction (NORMAL would survive only the first; the
price is one sync a transaction, and records go in by the batch). Several processes may use one file; not over a
network file system, where WAL has no shared memory. Source: https://sqlite.org/wal.html and pragma.html.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mmdigit.transport.sqlite.file import prepare_file
from schemas.errors import RetriableError, SettingsError

APPLICATION_ID = 0x6D6D6467  # "mmdg", in the file's header: a file of another program is refused
SCHEMA_VERSION = 2
BUSY_TIMEOUT_S = 10.0
"""How long to wait for another process's transaction. Ours take milliseconds, a checkpoint longer."""

_CHECKPOINT_PAGES = 4096  # 16 MiB of log between checkpoints: a page written often is copied once

_SCHEMA = """
CREATE TABLE topics (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  next_offset INTEGER NOT NULL DEFAULT 0,
  total_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE records (
  topic INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  key BLOB,
  timestamp_s REAL NOT NULL,
  bytes_before INTEGER NOT NULL,  -- of all earlier records of the topic: makes the size of any range two look-ups
  value BLOB NOT NULL,
  headers BLOB,  -- see mmdigit/transport/headers.py; NULL = none
  PRIMARY KEY (topic, offset)
);
CREATE TABLE committed (
  consumer_group TEXT NOT NULL,
  topic INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  PRIMARY KEY (consumer_group, topic)
) WITHOUT ROWID;
CREATE TABLE predictions (job_id TEXT PRIMARY KEY, prediction BLOB NOT NULL, expires_at_s REAL NOT NULL);
CREATE INDEX predictions_expiry ON predictions (expires_at_s);
CREATE TABLE dead_notes (job_id TEXT PRIMARY KEY, reason TEXT NOT NULL, job_group TEXT, expires_at_s REAL NOT NULL);
CREATE INDEX dead_notes_expiry ON dead_notes (expires_at_s);
CREATE TABLE group_counts (
  name TEXT PRIMARY KEY,
  done INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  expires_at_s REAL NOT NULL
);
CREATE INDEX group_counts_expiry ON group_counts (expires_at_s);
CREATE TABLE feed (position INTEGER PRIMARY KEY AUTOINCREMENT, prediction BLOB NOT NULL);
"""

_TABLES = re.findall(r"CREATE TABLE (\w+)", _SCHEMA)

_UPGRADES = {1: "ALTER TABLE records ADD COLUMN headers BLOB"}
"""Schema version -> what makes the next one of it. Records of before stay as they are."""


def open_database(path: Path, error_type: type[RetriableError]) -> sqlite3.Connection:
    """A connection to the file, which is made with its schema if it does not exist, or given the current one if it
    is of an earlier version of this program.

    Raises SettingsError if it is not ours to use (see prepare_file), damaged or another program's, error_type if it
    cannot be opened now.
    """
    real = prepare_file(path, error_type)
    with mapped(path, error_type):
        connection = sqlite3.connect(
            real, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def mapped(path: Path, error_type: type[RetriableError]) -> Iterator[None]:
    """Turn every sqlite3 error inside into error_type, and what no second try mends into SettingsError."""
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_NOTADB:
                raise _foreign(path, "a file that is no SQLite database") from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:  # the second: a table or column that is not there
                raise SettingsError(
                    f"expected a whole queue file, got a damaged or altered one at {str(path)!r} ({error}); restore it "
                    "from a copy, or save what is left with sqlite3 FILE .recover"
                ) from error
        raise error_type(f"expected to use the SQLite file {str(path)!r}, got: {error}; {_advice(error)}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: all of it or nothing, durable when the block has ended."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors (disk full); a second ROLLBACK would hide the first error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def topic_id(connection: sqlite3.Connection, name: str) -> int:
    """The number of the topic in this file; made on first use, by whichever side comes first."""
    with transaction(connection):
        connection.execute("INSERT OR IGNORE INTO topics (name) VALUES (?)", (name,))
    with closing(connection.execute("SELECT id FROM topics WHERE name = ?", (name,))) as rows:
        return int(rows.fetchone()[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _header(connection) == (0, 0):
        with transaction(connection):
            # Another process may have prepared it between the look and the lock.
            if _header(connection) == (0, 0):
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                    raise _foreign(path, "a SQLite database of another program")
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    application, version = _header(connection)
    if application != APPLICATION_ID:
        raise _foreign(path, "a SQLite database of another program")
    if version in _UPGRADES:
        version = _upgraded(connection)
    if version != SCHEMA_VERSION:
        raise _foreign(path, f"schema version {version} of another version of this program")
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if missing := set(_TABLES) - there:
        raise _foreign(path, f"one without the tables {', '.join(sorted(missing))}")
    # After the check, so that a foreign file is left as it is.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves data in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _upgraded(connection: sqlite3.Connection) -> int:
    """The schema version after every upgrade that there is for this file."""
    with transaction(connection):
        # Another process may have done it between the look and the lock.
        while (version := _header(connection)[1]) in _UPGRADES:
            connection.execute(_UPGRADES[version])
            connection.execute(f"PRAGMA user_version = {version + 1}")
    return version


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def _foreign(path: Path, what: str) -> SettingsError:
    return SettingsError(
        f"expected a queue file of schema version {SCHEMA_VERSION}, got {what} at {str(path)!r}; name another file"
    )


def _advice(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the primary code; extended ones carry more above it
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another process holds it"
        case sqlite3.SQLITE_FULL:
            return "make room on the disk"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return "check its permissions and its folder's"
        case _:
            return "check the file and its disk"
