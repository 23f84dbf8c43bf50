"""The SQLite file that holds queue and store: opens it, defines its schema, and maps every sqlite3 error.

Acknowledged means durable: WAL with synchronous=FULL syncs the log before a commit returns, so acknowledged records,
offsets and predictions survive kill -9 and a power cut (with NORMAL, only kill -9). It costs one sync per transaction.
Several processes may share a file, but not over a network file system, where WAL has no shared memory.
Source: https://sqlite.org/wal.html and pragma.html.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mmdigit.files.sqlite_file import prepare_file
from schemas.errors import RetriableError, SettingsError

APPLICATION_ID = 0x6D6D6467  # "mmdg", in the file header: refuses other programs' files
SCHEMA_VERSION = 3
BUSY_TIMEOUT_S = 10.0
"""How long to wait for another process's transaction. Ours take milliseconds, a checkpoint longer."""

_CHECKPOINT_PAGES = 4096  # 16 MiB of log between checkpoints, so that a page written often is copied once

_OUTCOMES = """
CREATE TABLE outcomes (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  job_group TEXT NOT NULL,
  expires_at_s REAL NOT NULL
);
CREATE INDEX outcomes_group ON outcomes (job_group, position);
CREATE INDEX outcomes_expiry ON outcomes (expires_at_s)
"""

_SCHEMA = f"""
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
{_OUTCOMES}"""

_TABLES = re.findall(r"CREATE TABLE (\w+)", _SCHEMA)

_MIGRATIONS = {1: "ALTER TABLE records ADD COLUMN headers BLOB", 2: _OUTCOMES}
"""Schema version -> the statements that migrate it to the next one."""


def open_database(path: Path, error_type: type[RetriableError]) -> sqlite3.Connection:
    """Connect to the file. Creates it if it does not exist, and migrates an older schema.

    Raises SettingsError if the file is unsafe (see prepare_file), damaged or from another program, and error_type if it
    cannot be opened now.
    """
    real = prepare_file(path, error_type)
    with map_errors(path, error_type):
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
def map_errors(path: Path, error_type: type[RetriableError]) -> Iterator[None]:
    """Convert every sqlite3 error to error_type, or to SettingsError if no retry can succeed."""
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_NOTADB:
                raise _not_a_queue_file(path, "a file that is not a SQLite database") from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:  # the latter: a missing table or column
                raise SettingsError(
                    f"expected an intact queue file, got a damaged or altered one at {str(path)!r} ({error}); restore "
                    "it from a backup, or recover its content with sqlite3 FILE .recover"
                ) from error
        raise error_type(f"expected to use the SQLite file {str(path)!r}, got: {error}; {_advice(error)}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: all or nothing, durable when the block ends."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors (disk full) SQLite has already rolled back; a second ROLLBACK would hide the first error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def topic_id(connection: sqlite3.Connection, name: str) -> int:
    """The topic's number in this file. Creates the topic if it does not exist."""
    with transaction(connection):
        connection.execute("INSERT OR IGNORE INTO topics (name) VALUES (?)", (name,))
    with closing(connection.execute("SELECT id FROM topics WHERE name = ?", (name,))) as rows:
        return int(rows.fetchone()[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _header(connection) == (0, 0):
        with transaction(connection):
            # Another process may have created the schema before we got the lock.
            if _header(connection) == (0, 0):
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                    raise _not_a_queue_file(path, "a SQLite database of another program")
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    application, version = _header(connection)
    if application != APPLICATION_ID:
        raise _not_a_queue_file(path, "a SQLite database of another program")
    if version in _MIGRATIONS:
        version = _upgrade(connection)
    if version != SCHEMA_VERSION:
        raise _not_a_queue_file(path, f"schema version {version} of another release")
    existing = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if missing := set(_TABLES) - existing:
        raise _not_a_queue_file(path, f"a file without the tables {', '.join(sorted(missing))}")
    # After the checks, so that a foreign file stays unchanged.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # on macOS, fsync alone leaves data in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _upgrade(connection: sqlite3.Connection) -> int:
    """Run every migration for this file. Returns its new schema version."""
    with transaction(connection):
        # Another process may have done it before we got the lock.
        while (version := _header(connection)[1]) in _MIGRATIONS:
            for statement in _MIGRATIONS[version].split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
    return version


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def _not_a_queue_file(path: Path, what: str) -> SettingsError:
    return SettingsError(
        f"expected a queue file of schema version {SCHEMA_VERSION}, got {what} at {str(path)!r}; name another file"
    )


def _advice(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the primary code; extended ones carry more above it
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another process has locked it"
        case sqlite3.SQLITE_FULL:
            return "free disk space"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return "check the permissions of the file and its folder"
        case _:
            return "check the file and its disk"
