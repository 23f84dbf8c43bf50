"""Consumer on Kafka: manual synchronous commits, cooperative rebalances, bounded fetches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata

from schemas.errors import RebalanceError
from transport.access import KafkaAccess
from transport.kafka_client import connect, mapped
from transport.ports import Record, TopicPartition

SESSION_TIMEOUT_MS = 10_000
"""After a SIGKILL another member takes over this much later (Kafka's default: 45 s). Heartbeats come from a thread of
their own, so a long batch does not end the session."""

STATIC_SESSION_TIMEOUT_MS = 45_000
"""A static member keeps its partitions over a restart that is quicker than this."""

HEARTBEAT_INTERVAL_MS = 1_000
"""By a heartbeat's answer a member learns of a rebalance, and a cooperative one takes two: 2 s instead of 6 s."""

METADATA_MAX_AGE_MS = 60_000
"""Partitions that are added to the topic are read this much later at most."""

MAX_POLL_INTERVAL_MS = 120_000
"""A worker that neither polls nor keeps alive for this long is hung: its partitions go to another."""

JOIN_TIMEOUT_MS = 3_000
"""A poll may last this much longer while the group rebalances: the others' heartbeats, and what they have in hand."""

COMMIT_TIMEOUT_MS = 10_000
CLOSE_TIMEOUT_MS = 5_000
PARTITION_FETCH_BYTES = 1024 * 1024
"""Buffered for each partition at most, or one batch where that is larger: Kafka always returns the first."""


class KafkaTopicConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
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
        self.on_revoked: Callable[[frozenset[TopicPartition]], None] | None = None
        self._place = f"{','.join(bootstrap)}/{topic}"
        self._owned: frozenset[TopicPartition] = frozenset()
        self._closed = False
        with mapped(self._place):
            self._consumer: Any = connect(
                KafkaConsumer,
                bootstrap,
                access,
                group_id=group,
                group_instance_id=instance_id,
                enable_auto_commit=False,  # on by default: it commits what was polled, not what was stored
                auto_offset_reset="earliest",  # "latest" by default: a new group would skip what is there
                allow_auto_create_topics=False,
                partition_assignment_strategy=[CooperativeStickyAssignor],  # only what moves is taken away
                session_timeout_ms=SESSION_TIMEOUT_MS if instance_id is None else STATIC_SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
                max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
                metadata_max_age_ms=METADATA_MAX_AGE_MS,
                max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
                fetch_max_bytes=max(max_record_bytes, 8 * PARTITION_FETCH_BYTES),  # of one answer of one broker
                metrics_enabled=False,  # ours are in worker/metrics.py; these cost time for each record
            )
            self._consumer.subscribe([topic], listener=self)
            # Joining before the partitions are known would share out none of them, and then rebalance.
            self._consumer.partitions_for_topic(topic)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        with mapped(self._place):
            self._join()
            polled = self._consumer.poll(timeout_ms=timeout_s * 1000, max_records=max_records)
        return [
            Record(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value or b"",  # a tombstone: no job either, and to be named as one
                timestamp_s=record.timestamp / 1000,
            )
            for records in polled.values()
            for record in records
        ]

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        # The broker checks the membership alone; that a lost partition is never committed is checked here.
        if not next_offsets.keys() <= self._owned:
            gone = sorted(next_offsets.keys() - self._owned)
            raise RebalanceError(
                f"expected offsets of owned partitions of {self._place}, got {gone}; poll, then commit"
            )
        offsets = {
            KafkaPartition(*partition): OffsetAndMetadata(next_offset, "", -1)
            for partition, next_offset in next_offsets.items()
        }
        with mapped(self._place):
            self._consumer.commit(offsets, timeout_ms=COMMIT_TIMEOUT_MS)

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with mapped(self._place):
            for partition, next_offset in next_offsets.items():
                if partition in self._owned:
                    self._consumer.seek(KafkaPartition(*partition), next_offset)

    def keep_alive(self) -> None:
        with mapped(self._place):
            self._join()
            paused = self._consumer.assignment()
            self._consumer.pause(*paused)
            try:
                polled = self._consumer.poll(timeout_ms=0, max_records=1)
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

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with the partitions that were added."""
        added = _ours(assigned) - self._owned
        self._owned |= added
        if added and self.on_assigned is not None and not self._closed:
            self.on_assigned(added)

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with the partitions that go, while they are still this member's."""
        gone = _ours(revoked) & self._owned
        self._owned -= gone
        if gone and self.on_revoked is not None and not self._closed:
            self.on_revoked(gone)

    def on_partitions_lost(self, lost: Iterable[KafkaPartition]) -> None:
        """Called by kafka-python with partitions that another member may already read."""
        self.on_partitions_revoked(lost)

    def _join(self) -> None:
        """Join the group, or join it again, before polling.

        kafka-python 3.0.12 goes on joining when poll's time is up, but forgets the outcome if the join ends between two
        polls: it joins anew, or, where the reason was new metadata, sees no reason any more and stays without
        partitions and heartbeats for good. So a join gets time of its own, and one that was left behind is repeated.
        """
        coordinator = self._consumer._coordinator
        if coordinator.rejoining and not coordinator.need_rejoin():
            coordinator.request_rejoin()
        if coordinator.need_rejoin():
            coordinator.poll(timeout_ms=JOIN_TIMEOUT_MS)


def _ours(partitions: Iterable[KafkaPartition]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(partition.topic, partition.partition) for partition in partitions)
