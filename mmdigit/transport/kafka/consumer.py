"""Consumer on Kafka: manual commits, cooperative rebalances, bounded fetches."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import kafka
from kafka import AsyncConsumerRebalanceListener
from kafka import TopicPartition as KafkaPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.headers import bounded
from mmdigit.transport.kafka.batches import limit_batches
from mmdigit.transport.kafka.client import connect, map_errors, topic_max_record_bytes
from mmdigit.transport.kafka.membership import Membership
from mmdigit.transport.kafka.positions import Positions
from mmdigit.transport.kafka.topic import TopicWatcher
from mmdigit.transport.ports import LossCause, Record, TopicPartition
from schemas.errors import RebalanceError, TopicError, TransportError

log = logging.getLogger(__name__)

SESSION_TIMEOUT_MS = 10_000
"""How long after a SIGKILL another member takes over (Kafka's default: 45 s). Heartbeats have their own thread, so a
long batch does not end the session."""

STATIC_SESSION_TIMEOUT_MS = 45_000
"""A static member keeps its partitions if it restarts faster than this."""

HEARTBEAT_INTERVAL_MS = 300
"""Members learn of a rebalance from a heartbeat response. A cooperative rebalance takes two rounds, in which some
members stand still; docs/design/delivery.md#rebalances has the durations."""

MAX_POLL_INTERVAL_MS = 120_000
"""A worker that calls neither poll() nor keep_alive() for this long is hung: another takes its partitions."""

COMMIT_TIMEOUT_MS = 10_000
REVOKE_TIMEOUT_MS = 3_000
"""For the commit of finished jobs during a revocation, while all members of the group wait."""

CLOSE_TIMEOUT_MS = 5_000
PARTITION_FETCH_BYTES = 1024 * 1024
"""The most buffered per partition, or one batch if that is larger: Kafka always returns the first batch."""


class KafkaConsumer(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """A member of a consumer group on one topic. Callbacks run in the client's thread while poll() blocks."""

    def __init__(
        self,
        bootstrap: Sequence[str],
        topic: str,
        group: str,
        instance_id: str | None,
        max_record_bytes: int,
        access: KafkaAccess | None = None,
    ) -> None:
        """bootstrap: host:port of one or more brokers. Raises AccessError, TopicError, TransportError."""
        topic_max_record_bytes(bootstrap, topic, max_record_bytes, access)  # raises TopicError
        self.on_assigned: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None = None
        self.on_restarted: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_records_lost: Callable[[LossCause, int], None] | None = None
        self._address = f"{','.join(bootstrap)}/{topic}"
        self._owned: frozenset[TopicPartition] = frozenset()
        self._closed = False
        limit_batches()
        with map_errors(self._address):
            self._consumer: Any = connect(
                kafka.KafkaConsumer,
                bootstrap,
                access,
                group_id=group,
                group_instance_id=instance_id,
                enable_auto_commit=False,  # the default commits what was polled, not what was stored
                auto_offset_reset="none",  # see positions.py
                isolation_level="read_committed",  # the default also delivers records of aborted transactions
                allow_auto_create_topics=False,
                partition_assignment_strategy=[CooperativeStickyAssignor],  # revokes only the partitions that move
                session_timeout_ms=SESSION_TIMEOUT_MS if instance_id is None else STATIC_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
                max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
                max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
                fetch_max_bytes=max(max_record_bytes, 8 * PARTITION_FETCH_BYTES),  # one response of one broker
                metrics_enabled=False,  # they cost time for each record; worker/metrics.py has ours
            )
            self._consumer.subscribe([topic], listener=self)
            # A join before the partitions are known would assign none of them and then rebalance.
            self._consumer.partitions_for_topic(topic)
            self._topic = TopicWatcher(self._consumer._cluster, self._consumer._client._manager, topic, self._address)
            self._positions = Positions(self._consumer, self._topic, self._restart, self._lose)
            self._membership = Membership(self._consumer._coordinator)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        with self._map_errors():
            self._reset_if_recreated()
            self._membership.join()
            polled = self._fetch(max_records, timeout_s)
        try:
            return [to_record(record) for records in polled.values() for record in records]
        except BaseException:  # such as MemoryError: nobody has these records yet
            self._seek_back(polled)
            raise

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with self._map_errors():
            self._require_owned(next_offsets)
            self._consumer.commit(self._to_kafka_offsets(next_offsets), timeout_ms=COMMIT_TIMEOUT_MS)

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> "KafkaPendingCommit":
        with self._map_errors():
            self._require_owned(next_offsets)
            if not self._membership.has_coordinator:  # a commit sent later might hit partitions we no longer own
                raise TransportError(f"expected a group coordinator at {self._address}, got none yet; commit again")
            future = self._consumer.commit_async(self._to_kafka_offsets(next_offsets), callback=_ignore_result)
            return KafkaPendingCommit(future, self._map_errors)

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with self._map_errors():
            for partition, next_offset in next_offsets.items():
                if partition in self._owned:
                    self._consumer.seek(KafkaPartition(*partition), next_offset)

    def keep_alive(self) -> None:
        with self._map_errors():
            self._membership.join()
            paused = self._consumer.assignment()
            self._consumer.pause(*paused)
            try:
                polled = self._fetch(1, 0.0)
                # These partitions were assigned only now and so were not paused: read the records again.
                self._seek_back(polled)
            finally:
                self._consumer.resume(*(paused & self._consumer.assignment()))

    def assignment(self) -> frozenset[TopicPartition]:
        return self._owned

    def lag(self) -> dict[TopicPartition, int]:
        lag = {}
        for partition in self._owned:
            # position() may wait for the network; this is the state that it reads.
            state = self._consumer._subscription.assignment.get(KafkaPartition(*partition))
            if state is not None and state.highwater is not None and state.position is not None:
                lag[partition] = max(0, state.highwater - state.position.offset)
        return lag

    def positions(self) -> dict[TopicPartition, int]:
        if self._topic.is_gone:
            return {}
        states = {
            partition: self._consumer._subscription.assignment.get(KafkaPartition(*partition))
            for partition in self._owned
        }
        return {partition: state.position.offset for partition, state in states.items() if state and state.position}

    def waiting_for(self) -> str:
        return self._topic.waiting_for() or self._membership.waiting_for(self._address)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._owned = frozenset()
        with map_errors(self._address):
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with newly assigned partitions."""
        added = _to_partitions(assigned) - self._owned
        self._owned |= added
        if added and self.on_assigned is not None and not self._closed:
            self.on_assigned(added)

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with partitions that are taken away, while this member still owns them."""
        revoked = list(revoked)
        if self._topic.is_gone:  # no other member gets them, so this one still answers what it polled
            self._restart(_to_partitions(revoked) & self._owned)
        next_offsets = self._release(revoked)
        if not next_offsets:
            return
        try:
            # The public commit() would wait for the thread that this runs in.
            await self._consumer._coordinator._commit_offsets_sync_async(
                self._to_kafka_offsets(next_offsets), REVOKE_TIMEOUT_MS
            )
        except KafkaError as error:
            log.warning("commit failed during revocation; jobs will be repeated", extra={"error": str(error)})

    async def on_partitions_lost(self, lost: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with partitions that another member may already be reading. Commits nothing."""
        self._release(lost)

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        """map_errors() for a running consumer: a missing topic may come back, a fenced member never."""
        try:
            with map_errors(self._address):
                self._membership.require_not_fenced()
                yield
        except TopicError as error:
            raise TransportError(str(error)) from error.__cause__

    def _fetch(self, max_records: int, timeout_s: float) -> Mapping[KafkaPartition, Sequence[Any]]:
        """Fetched records by partition; none if the log has no record at a position, which is then corrected."""
        try:
            polled: Mapping[KafkaPartition, Sequence[Any]] = self._consumer.poll(timeout_s * 1000, max_records)
        except OffsetOutOfRangeError as error:
            self._positions.handle_out_of_range(error.args[0])
        except LogTruncationError as error:
            self._positions.handle_truncation(error.divergent_offsets)
        except KafkaError:
            # kafka-python 3.0.12 keeps an unreadable batch, and the next poll never returns. Discard it, to fetch it
            # again.
            self._consumer._fetcher._next_partition_records = None
            raise
        else:
            return polled
        return {}

    def _seek_back(self, polled: Mapping[KafkaPartition, Sequence[Any]]) -> None:
        for partition, records in polled.items():
            self._consumer.seek(partition, records[0].offset)

    def _reset_if_recreated(self) -> None:
        if self._topic.is_recreated:
            self._topic.warn_recreated()
            self._positions.reset_to_earliest(self._owned)
            self._restart(self._owned)
            self._topic.adopt_new_topic()

    def _restart(self, partitions: frozenset[TopicPartition]) -> None:
        if partitions and self.on_restarted is not None and not self._closed:
            self.on_restarted(partitions)

    def _lose(self, cause: LossCause, records: int) -> None:
        if self.on_records_lost is not None:
            self.on_records_lost(cause, records)

    def _to_kafka_offsets(self, next_offsets: Mapping[TopicPartition, int]) -> dict[KafkaPartition, OffsetAndMetadata]:
        metadata = self._topic.offset_metadata
        return {
            KafkaPartition(*partition): OffsetAndMetadata(offset, metadata, -1)
            for partition, offset in next_offsets.items()
        }

    def _require_owned(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """The broker checks only the membership. This also refuses lost partitions and those of a deleted topic."""
        if self._topic.is_gone:
            raise RebalanceError(
                f"expected the same topic as before at {self._address}, got none or another; poll first"
            )
        if not next_offsets.keys() <= self._owned:
            gone = sorted(next_offsets.keys() - self._owned)
            raise RebalanceError(
                f"expected offsets of owned partitions of {self._address}, got {gone}; poll, then commit"
            )

    def _release(self, partitions: Iterable[KafkaPartition]) -> Mapping[TopicPartition, int]:
        """Give up partitions. Returns the offsets to commit for them."""
        gone = _to_partitions(partitions) & self._owned
        self._owned -= gone
        return self.on_revoked(gone) if gone and self.on_revoked is not None and not self._closed else {}


class KafkaPendingCommit:
    """A commit that runs in the client's thread."""

    def __init__(self, future: Any, map_errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._future = future
        self._map_errors = map_errors

    def done(self) -> bool:
        return bool(self._future.is_done)

    def result(self) -> None:
        with self._map_errors():
            if self._future.exception is not None:
                raise self._future.exception


def _ignore_result(_offsets: object, _result: object) -> None:
    """Replaces the client's default callback, which logs failures; KafkaPendingCommit.result() raises them."""


def to_record(record: Any) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",  # a tombstone becomes an invalid job
        timestamp_s=record.timestamp / 1000,
        headers=bounded(record.headers),
    )


def _to_partitions(partitions: Iterable[KafkaPartition]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(partition.topic, partition.partition) for partition in partitions)
