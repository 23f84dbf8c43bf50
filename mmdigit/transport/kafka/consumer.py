"""Consumer on Kafka: manual synchronous commits, cooperative rebalances, bounded fetches."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from kafka import AsyncConsumerRebalanceListener, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.headers import kept
from mmdigit.transport.kafka.batches import bound_batches
from mmdigit.transport.kafka.client import connect, mapped
from mmdigit.transport.kafka.membership import Membership
from mmdigit.transport.kafka.positions import Positions
from mmdigit.transport.kafka.topic import TopicWatch
from mmdigit.transport.ports import LossCause, Record, TopicPartition
from schemas.errors import RebalanceError, TopicError, TransportError

log = logging.getLogger(__name__)

SESSION_TIMEOUT_MS = 10_000
"""After a SIGKILL another member takes over this much later (Kafka's default: 45 s). Heartbeats come from a thread of
their own, so a long batch does not end the session."""

STATIC_SESSION_TIMEOUT_MS = 45_000
"""A static member keeps its partitions over a restart that is quicker than this."""

HEARTBEAT_INTERVAL_MS = 300
"""By a heartbeat's answer a member learns of a rebalance, and a cooperative one takes two, in which those who wait for
the others stand still: docs/design/delivery.md#rebalances has what that takes."""

MAX_POLL_INTERVAL_MS = 120_000
"""A worker that neither polls nor keeps alive for this long is hung: its partitions go to another."""

COMMIT_TIMEOUT_MS = 10_000
REVOKE_TIMEOUT_MS = 3_000
"""For the commit of what is finished, while all members of the group wait for the partitions to go."""

CLOSE_TIMEOUT_MS = 5_000
PARTITION_FETCH_BYTES = 1024 * 1024
"""Buffered for each partition at most, or one batch where that is larger: Kafka always returns the first."""


class KafkaTopicConsumer(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """A member of a consumer group on one topic; callbacks run in the client's thread while poll() waits."""

    def __init__(
        self,
        bootstrap: Sequence[str],
        topic: str,
        group: str,
        instance_id: str | None,
        max_record_bytes: int,
        access: KafkaAccess | None = None,
    ) -> None:
        self.on_assigned: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None = None
        self.on_restarted: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_records_lost: Callable[[LossCause, int], None] | None = None
        self._place = f"{','.join(bootstrap)}/{topic}"
        self._owned: frozenset[TopicPartition] = frozenset()
        self._closed = False
        bound_batches()
        with mapped(self._place):
            self._consumer: Any = connect(
                KafkaConsumer,
                bootstrap,
                access,
                group_id=group,
                group_instance_id=instance_id,
                enable_auto_commit=False,  # on by default: it commits what was polled, not what was stored
                auto_offset_reset="none",  # mmdigit/transport/kafka/positions.py decides, and says what is lost
                isolation_level="read_committed",  # not by default: records of aborted transactions would be answered
                allow_auto_create_topics=False,
                partition_assignment_strategy=[CooperativeStickyAssignor],  # only what moves is taken away
                session_timeout_ms=SESSION_TIMEOUT_MS if instance_id is None else STATIC_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
                max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
                max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
                fetch_max_bytes=max(max_record_bytes, 8 * PARTITION_FETCH_BYTES),  # of one answer of one broker
                metrics_enabled=False,  # ours are in worker/metrics.py; these cost time for each record
            )
            self._consumer.subscribe([topic], listener=self)
            # Joining before the partitions are known would share out none of them, and then rebalance.
            self._consumer.partitions_for_topic(topic)
            self._topic = TopicWatch(self._consumer._cluster, self._consumer._client._manager, topic, self._place)
            self._positions = Positions(self._consumer, self._topic, self._restart, self._lose)
            self._membership = Membership(self._consumer._coordinator)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        with self._working():
            self._begin_anew_if_recreated()
            self._membership.join()
            polled = self._fetched(max_records, timeout_s)
        return [
            Record(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value or b"",  # a tombstone: no job either, and to be named as one
                timestamp_s=record.timestamp / 1000,
                headers=kept(record.headers),
            )
            for records in polled.values()
            for record in records
        ]

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with self._working():
            self._require_owned(next_offsets)
            self._consumer.commit(self._theirs(next_offsets), timeout_ms=COMMIT_TIMEOUT_MS)

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> "KafkaPendingCommit":
        with self._working():
            self._require_owned(next_offsets)
            if not self._membership.has_coordinator:  # it would be sent later, when they may be another's
                raise TransportError(
                    f"expected a coordinator of the group at {self._place}, got none yet; commit again"
                )
            future = self._consumer.commit_async(self._theirs(next_offsets), callback=_ignore_outcome)
            return KafkaPendingCommit(future, self._working)

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with self._working():
            for partition, next_offset in next_offsets.items():
                if partition in self._owned:
                    self._consumer.seek(KafkaPartition(*partition), next_offset)

    def keep_alive(self) -> None:
        with self._working():
            self._membership.join()
            paused = self._consumer.assignment()
            self._consumer.pause(*paused)
            try:
                polled = self._fetched(1, 0.0)
                # Of a partition that was assigned just now, and so was not paused: read it again.
                for partition, records in polled.items():
                    self._consumer.seek(partition, records[0].offset)
            finally:
                self._consumer.resume(*(paused & self._consumer.assignment()))

    def assignment(self) -> frozenset[TopicPartition]:
        return self._owned

    def lag(self) -> dict[TopicPartition, int]:
        lag = {}
        for partition in self._owned:
            # The state that position() and highwater() read; position() itself may wait for the network.
            state = self._consumer._subscription.assignment.get(KafkaPartition(*partition))
            if state is not None and state.highwater is not None and state.position is not None:
                lag[partition] = max(0, state.highwater - state.position.offset)
        return lag

    def positions(self) -> dict[TopicPartition, int]:
        if self._topic.is_gone:
            return {}
        states = {place: self._consumer._subscription.assignment.get(KafkaPartition(*place)) for place in self._owned}
        return {place: state.position.offset for place, state in states.items() if state and state.position}

    def trouble(self) -> str:
        return self._topic.trouble() or self._membership.trouble(self._place)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._owned = frozenset()
        with mapped(self._place):
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with the partitions that were added."""
        added = _ours(assigned) - self._owned
        self._owned |= added
        if added and self.on_assigned is not None and not self._closed:
            self.on_assigned(added)

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with the partitions that go, while they are still this member's."""
        revoked = list(revoked)
        if self._topic.is_gone:  # no other member gets them: what was polled of them stays with this one
            self._restart(_ours(revoked) & self._owned)
        next_offsets = self._let_go(revoked)
        if not next_offsets:
            return
        try:
            # The public commit waits for the thread that this runs in.
            await self._consumer._coordinator._commit_offsets_sync_async(self._theirs(next_offsets), REVOKE_TIMEOUT_MS)
        except KafkaError as error:
            log.warning("not committed before the partitions went; answered again", extra={"error": str(error)})

    async def on_partitions_lost(self, lost: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with partitions that another member may already read: nothing is committed."""
        self._let_go(lost)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """As mapped(), after the start: a topic that is missing may come back, a member that is fenced never."""
        try:
            with mapped(self._place):
                self._membership.require_place()
                yield
        except TopicError as error:
            raise TransportError(str(error)) from error.__cause__

    def _fetched(self, max_records: int, timeout_s: float) -> Mapping[KafkaPartition, Sequence[Any]]:
        """Records of the client, by partition; none where the log does not go on at a position: that is mended."""
        try:
            polled: Mapping[KafkaPartition, Sequence[Any]] = self._consumer.poll(timeout_s * 1000, max_records)
        except OffsetOutOfRangeError as error:
            self._positions.leave_gap(error.args[0])
        except LogTruncationError as error:
            self._positions.follow_truncation(error.divergent_offsets)
        except KafkaError:
            # kafka-python 3.0.12 keeps a batch that it cannot read in line, and the next poll never ends. Without it
            # the batch is fetched again.
            self._consumer._fetcher._next_partition_records = None
            raise
        else:
            return polled
        return {}

    def _begin_anew_if_recreated(self) -> None:
        if self._topic.is_recreated:
            self._topic.say_recreated()
            self._positions.begin_anew(self._owned)
            self._restart(self._owned)
            self._topic.read_new()

    def _restart(self, partitions: frozenset[TopicPartition]) -> None:
        if partitions and self.on_restarted is not None and not self._closed:
            self.on_restarted(partitions)

    def _lose(self, cause: LossCause, records: int) -> None:
        if self.on_records_lost is not None:
            self.on_records_lost(cause, records)

    def _theirs(self, next_offsets: Mapping[TopicPartition, int]) -> dict[KafkaPartition, OffsetAndMetadata]:
        note = self._topic.note
        return {KafkaPartition(*place): OffsetAndMetadata(offset, note, -1) for place, offset in next_offsets.items()}

    def _require_owned(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """The broker checks the membership alone; that a lost partition, or one of a topic that was deleted, is never
        committed is checked here."""
        if self._topic.is_gone:
            raise RebalanceError(f"expected the topic that was read at {self._place}, got none or another; poll first")
        if not next_offsets.keys() <= self._owned:
            gone = sorted(next_offsets.keys() - self._owned)
            raise RebalanceError(
                f"expected offsets of owned partitions of {self._place}, got {gone}; poll, then commit"
            )

    def _let_go(self, partitions: Iterable[KafkaPartition]) -> Mapping[TopicPartition, int]:
        """The offsets that their owner until now wants to be committed."""
        gone = _ours(partitions) & self._owned
        self._owned -= gone
        return self.on_revoked(gone) if gone and self.on_revoked is not None and not self._closed else {}


class KafkaPendingCommit:
    """A commit that the client's thread sends and receives."""

    def __init__(self, future: Any, working: Callable[[], AbstractContextManager[None]]) -> None:
        self._future = future
        self._working = working

    def done(self) -> bool:
        return bool(self._future.is_done)

    def result(self) -> None:
        with self._working():
            if self._future.exception is not None:
                raise self._future.exception


def _ignore_outcome(_offsets: object, _outcome: object) -> None:
    """The client's default logs a failure; KafkaPendingCommit tells of it."""


def _ours(partitions: Iterable[KafkaPartition]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(partition.topic, partition.partition) for partition in partitions)
