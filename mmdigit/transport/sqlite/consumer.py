"""Consumer on a SQLite file: reads one topic in order, commits offsets, and trims records that every group has read."""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from mmdigit.files.private import open_private
from mmdigit.transport.headers import decode
from mmdigit.transport.ports import LossCause, Record, TopicPartition
from mmdigit.transport.sqlite.database import map_errors, open_database, topic_id, transaction
from mmdigit.transport.sqlite.waiting import wait_for_rows
from schemas.errors import RebalanceError, SettingsError, TransportError

MAX_POLLED_BYTES = 32 * 1024 * 1024
"""A poll ends with the record that exceeds this, so that memory is bounded for any max_records."""

RETAINED_BYTES = 256 * 1024 * 1024
"""Like Kafka's retention.bytes, but only for records that every group of the topic has committed. Others stay."""


class SqliteConsumer:
    """The only member of a consumer group on one topic, whose only partition is 0.

    If a group stops committing, its unread records stay in the file forever. Raises SettingsError if the group already
    has a consumer on this topic and file.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        group: str,
        *,
        retained_bytes: int = RETAINED_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.on_assigned: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None = None
        # Never called: topics are never recreated, and only records that every group has committed are trimmed.
        self.on_restarted: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_records_lost: Callable[[LossCause, int], None] | None = None
        self._path = path
        self._group = group
        self._retained_bytes = retained_bytes
        self._monotonic = monotonic
        self._sleep = sleep
        self._partition = TopicPartition(topic, 0)
        self._assigned = False
        self._lock: int | None = None
        self._connection = open_database(path, TransportError)
        try:
            self._lock = _lock(path, topic, group)
            with map_errors(path, TransportError):
                self._topic_id = topic_id(self._connection, topic)
                with transaction(self._connection):
                    # Protects this group's unread records from trimming, also before its first commit.
                    self._connection.execute(
                        "INSERT OR IGNORE INTO committed (consumer_group, topic, next_offset) VALUES (?, ?, 0)",
                        (group, self._topic_id),
                    )
                (self._position,) = self._connection.execute(
                    "SELECT next_offset FROM committed WHERE consumer_group = ? AND topic = ?", (group, self._topic_id)
                ).fetchone()
                self._end = self._position
        except BaseException:
            self.close()
            raise

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        with map_errors(self._path, TransportError):
            self._join()
            records = wait_for_rows(
                self._connection,
                lambda: self._read(max_records),
                timeout_s,
                monotonic=self._monotonic,
                sleep=self._sleep,
            )
        if records:
            self._position = records[-1].offset + 1
        return records

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self._require_owned(next_offsets)
        with map_errors(self._path, TransportError), transaction(self._connection):
            for next_offset in next_offsets.values():
                self._connection.execute(
                    "UPDATE committed SET next_offset = ? WHERE consumer_group = ? AND topic = ?",
                    (next_offset, self._group, self._topic_id),
                )
            self._trim()

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> "SqlitePendingCommit":
        self.commit(next_offsets)  # takes half a millisecond; a thread would gain nothing
        return SqlitePendingCommit()

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if self._assigned and self._partition in next_offsets:
            self._position = next_offsets[self._partition]

    def keep_alive(self) -> None:
        self._join()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({self._partition}) if self._assigned else frozenset()

    def lag(self) -> dict[TopicPartition, int]:
        return {partition: max(0, self._end - self._position) for partition in self.assignment()}

    def positions(self) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.assignment(), self._position)

    def waiting_for(self) -> str:
        return ""  # poll() raises an error if the file cannot be read

    def close(self) -> None:
        self._assigned = False
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _join(self) -> None:
        if not self._assigned:
            self._assigned = True
            if self.on_assigned is not None:
                self.on_assigned(self.assignment())

    def _read(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        polled_bytes = 0
        rows = self._connection.execute(
            # CAST, because other programs may write JSON jobs as TEXT.
            "SELECT offset, CAST(key AS BLOB), CAST(value AS BLOB), CAST(timestamp_s AS REAL), CAST(headers AS BLOB) "
            "FROM records WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?",
            (self._topic_id, self._position, max_records),
        )
        for offset, key, value, timestamp_s, headers in rows:
            records.append(Record(*self._partition, offset, key, value, timestamp_s, decode(headers)))
            polled_bytes += len(value)
            if polled_bytes >= MAX_POLLED_BYTES:
                break
        rows.close()  # ends the read transaction, which would block checkpoints
        (self._end,) = self._connection.execute(
            "SELECT next_offset FROM topics WHERE id = ?", (self._topic_id,)
        ).fetchone()
        return records

    def _trim(self) -> None:
        """Delete records that every group has committed, except the newest retained_bytes of them."""
        (safe,) = self._connection.execute(
            "SELECT min(next_offset) FROM committed WHERE topic = ?", (self._topic_id,)
        ).fetchone()
        last = self._connection.execute(
            "SELECT bytes_before FROM records WHERE topic = ? AND offset = ?", (self._topic_id, safe - 1)
        ).fetchone()
        oldest = self._connection.execute(
            "SELECT bytes_before FROM records WHERE topic = ? ORDER BY offset LIMIT 1", (self._topic_id,)
        ).fetchone()
        if last is None or oldest is None or last[0] - oldest[0] <= self._retained_bytes:
            return
        # Reads only the rows to delete and one more.
        (oldest_kept,) = self._connection.execute(
            "SELECT offset FROM records WHERE topic = ? AND bytes_before >= ? ORDER BY offset LIMIT 1",
            (self._topic_id, last[0] - self._retained_bytes),
        ).fetchone()
        self._connection.execute("DELETE FROM records WHERE topic = ? AND offset < ?", (self._topic_id, oldest_kept))

    def _require_owned(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if not next_offsets.keys() <= self.assignment():
            raise RebalanceError(
                f"expected offsets of {sorted(self.assignment())}, got {sorted(next_offsets)}; poll before you commit"
            )


class SqlitePendingCommit:
    """A commit that is already durable."""

    def done(self) -> bool:
        return True

    def result(self) -> None:
        """begin_commit() has already raised any error."""


def _lock(path: Path, topic: str, group: str) -> int:
    """Lock this group and topic with a file beside the database, until it is closed or the process exits."""
    name = hashlib.sha256(f"{topic}/{group}".encode()).hexdigest()[:16]  # both names are too long for a file name
    real = path.resolve()  # the same lock for every link to the file
    lock_path = real.with_name(f"{real.name}-{name}.lock")
    try:
        # Whoever may use the queue file may lock it.
        lock = open_private(lock_path, stat.S_IMODE(real.stat().st_mode))
    except OSError as error:
        raise TransportError(
            f"expected to create {str(lock_path)!r}, got: {error.strerror}; check the folder"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace")
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise TransportError(
                f"expected to lock {str(lock_path)!r}, got: {error.strerror}; check the file system"
            ) from error
        raise SettingsError(
            f"expected to be the only consumer of group {group!r} on topic {topic!r} in {str(path)!r}, got another in "
            f"process {holder or '?'}; stop it, use another group, or use Kafka to share the work"
        ) from error
    return lock
