"""Publisher on Kafka: idempotent, acks=all, with a buffer that is bounded in records and bytes."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from kafka import KafkaProducer

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.headers import require_sendable
from mmdigit.transport.kafka.client import connect, map_errors, to_mmdigit_error, topic_max_record_bytes
from mmdigit.transport.ports import MAX_SENT_BYTES
from schemas.errors import InvalidRecord, MmdigitError, TransportError

MAX_BUFFERED_RECORDS = 10_000
MAX_BUFFERED_BYTES = 32 * 1024 * 1024
LINGER_MS = 10
"""flush() does not wait for it."""

BATCH_BYTES = 256 * 1024
"""Kafka's default of 16 KiB fits one or two jobs."""

DELIVERY_TIMEOUT_MS = 120_000
MAX_BLOCK_S = 30.0
CLOSE_S = 1.0  # at most, where nothing waits to be sent; usually milliseconds
_OVERHEAD_BYTES = 1024  # upper bound for the framing of a record and its batch


class KafkaPublisher:
    """Publishes to one topic; on_delivered runs in the client's thread. kafka-python 3 does not bound its buffer."""

    def __init__(self, bootstrap: Sequence[str], topic: str, access: KafkaAccess | None = None) -> None:
        """bootstrap: host:port of one or more brokers. Raises AccessError, TopicError, TransportError."""
        max_record_bytes = min(MAX_SENT_BYTES, topic_max_record_bytes(bootstrap, topic, MAX_SENT_BYTES, access))
        self._topic = topic
        self._address = f"{','.join(bootstrap)}/{topic}"
        self._max_record_bytes = max_record_bytes
        self._changed = threading.Condition()
        self._records = 0
        self._bytes = 0
        self._failure: MmdigitError | None = None
        self._closed = False
        with map_errors(self._address):
            self._connect = partial(
                connect,
                KafkaProducer,
                bootstrap,
                access,
                acks="all",
                # On jobs of a PNG and a WAV (7.7 KB), lz4 saves 10 % and zstd 26 % of the bytes, for 20 % and 45 %
                # more CPU here (75 us per record without) and 30 % more in the worker.
                compression_type=None,
                enable_idempotence=True,  # a retry after a lost response does not append twice
                allow_auto_create_topics=False,
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                max_request_size=max(max_record_bytes, BATCH_BYTES) + _OVERHEAD_BYTES,
                max_block_ms=int(MAX_BLOCK_S * 1000),
                delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                metrics_enabled=False,
            )
            self._producer: Any = self._connect()

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        headers = headers or {}
        size = len(value) + len(key or b"") + require_sendable(headers)
        if size + _OVERHEAD_BYTES > self._max_record_bytes:
            raise InvalidRecord(
                f"expected a record that {self._address} accepts (max.message.bytes {self._max_record_bytes}), "
                f"got {size} bytes; send a smaller record, or raise the topic's limit"
            )
        self._reserve(size)
        try:
            with map_errors(self._address):
                future = self._producer.send(self._topic, value=value, key=key, headers=list(headers.items()))
        except BaseException:
            self._release(size, None)
            raise

        def delivered(_metadata: object) -> None:
            try:
                if on_delivered is not None:
                    on_delivered()
            finally:
                self._release(size, None)

        future.add_callback(delivered)
        future.add_errback(lambda error: self._release(size, error))

    def flush(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        try:
            with map_errors(self._address):
                self._producer.flush(timeout=timeout_s)
        finally:
            with self._changed:
                # The client counts a batch as flushed slightly before it calls back.
                self._changed.wait_for(lambda: self._records == 0, max(0.0, deadline_s - time.monotonic()))
                unacknowledged, failure, self._failure = self._records, self._failure, None
        if failure is not None:
            self._renew()
            raise failure
        if unacknowledged:
            raise TransportError(
                f"expected {self._address} to acknowledge every record within {timeout_s} s, got {unacknowledged} "
                "unacknowledged; check the broker, then send them again"
            )

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with map_errors(self._address):
            # A producer that is closed before the broker has numbered it logs a fatal error.
            self._producer.close(timeout=0 if self._records else CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _renew(self) -> None:
        """Replace a client that accepts no more records.

        After any permanent error, such as a record that is too large or a clock that is ahead, kafka-python's
        idempotent producer rejects every record from then on.
        """
        if not self._producer._transaction_manager.has_fatal_error():
            return
        with map_errors(self._address):
            dead, self._producer = self._producer, self._connect()
        dead.close(timeout=0)

    def _reserve(self, size: int) -> None:
        """Wait for room in the buffer; an empty buffer has room for any record."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(size), MAX_BLOCK_S):
                raise TransportError(
                    f"expected {self._address} to acknowledge records within {MAX_BLOCK_S} s, got a full buffer of "
                    f"{self._records}; check the broker"
                )
            self._records += 1
            self._bytes += size

    def _has_room(self, size: int) -> bool:
        if self._records == 0:
            return True
        return self._records < MAX_BUFFERED_RECORDS and self._bytes + size <= MAX_BUFFERED_BYTES

    def _release(self, size: int, error: BaseException | None) -> None:
        with self._changed:
            self._records -= 1
            self._bytes -= size
            if error is not None and self._failure is None:
                self._failure = to_mmdigit_error(error, self._address)
                self._failure.__cause__ = error
            self._changed.notify_all()
