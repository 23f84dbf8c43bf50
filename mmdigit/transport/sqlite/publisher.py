"""Publisher on a SQLite file: buffers records and writes each batch in one transaction."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from mmdigit.transport.headers import encode, require_sendable
from mmdigit.transport.ports import MAX_SENT_BYTES
from mmdigit.transport.sqlite.database import BUSY_TIMEOUT_S, map_errors, open_database, topic_id, transaction
from schemas.errors import InvalidRecord, TransportError

MAX_BUFFERED_RECORDS = 1000
MAX_BUFFERED_BYTES = 8 * 1024 * 1024
LINGER_S = 0.01
"""A record that arrives this long after the last write is written at once, so a slow producer's jobs do not wait."""


class _Pending(NamedTuple):
    key: bytes | None
    value: bytes
    timestamp_s: float
    on_delivered: Callable[[], object] | None
    headers: bytes | None


class SqlitePublisher:
    """Publishes to one topic in one file; on_delivered runs in the caller's thread."""

    def __init__(
        self,
        path: Path,
        topic: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._buffer: list[_Pending] = []
        self._buffered_bytes = 0
        self._written_at_s = float("-inf")
        self._connection = open_database(path, TransportError)
        try:
            with map_errors(path, TransportError):
                self._topic_id = topic_id(self._connection, topic)
        except BaseException:
            self._connection.close()
            raise

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        headers = headers or {}
        require_sendable(headers)
        if len(value) > MAX_SENT_BYTES:
            raise InvalidRecord(
                f"expected a record of at most {MAX_SENT_BYTES} bytes, got {len(value)}; send a smaller record"
            )
        self._buffer.append(_Pending(key, value, self._clock(), on_delivered, encode(headers)))
        self._buffered_bytes += len(value)
        if (
            len(self._buffer) >= MAX_BUFFERED_RECORDS
            or self._buffered_bytes >= MAX_BUFFERED_BYTES
            or self._monotonic() - self._written_at_s >= LINGER_S
        ):
            try:
                self._write()
            except TransportError:
                self._buffer.pop()
                self._buffered_bytes -= len(value)
                raise

    def flush(self, timeout_s: float) -> None:
        if not self._buffer:
            return
        try:
            with map_errors(self._path, TransportError):
                self._set_busy_timeout(timeout_s)
            self._write()
        except TransportError:
            self._clear_buffer()
            raise
        finally:
            with map_errors(self._path, TransportError):
                self._set_busy_timeout(BUSY_TIMEOUT_S)

    def close(self) -> None:
        self._clear_buffer()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _write(self) -> None:
        with map_errors(self._path, TransportError), transaction(self._connection):
            offset, bytes_before = self._connection.execute(
                "SELECT next_offset, total_bytes FROM topics WHERE id = ?", (self._topic_id,)
            ).fetchone()
            rows = []
            for pending in self._buffer:
                place = (self._topic_id, offset, pending.key, pending.timestamp_s, bytes_before)
                rows.append((*place, pending.value, pending.headers))
                offset += 1
                bytes_before += len(pending.value)
            self._connection.executemany(
                "INSERT INTO records (topic, offset, key, timestamp_s, bytes_before, value, headers) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._connection.execute(
                "UPDATE topics SET next_offset = ?, total_bytes = ? WHERE id = ?",
                (offset, bytes_before, self._topic_id),
            )
        self._written_at_s = self._monotonic()
        delivered = self._buffer
        self._clear_buffer()
        for pending in delivered:
            if pending.on_delivered is not None:
                pending.on_delivered()

    def _clear_buffer(self) -> None:
        self._buffer = []
        self._buffered_bytes = 0

    def _set_busy_timeout(self, timeout_s: float) -> None:
        self._connection.execute(f"PRAGMA busy_timeout = {max(0, int(timeout_s * 1000))}")
