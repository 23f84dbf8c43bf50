"""Where each partition is read from, when the committed offset cannot be used: no record is passed over in silence.

kafka-python's own answer to an offset that the log does not hold is to read on at the earliest one and to say nothing.
So it has no policy here (auto_offset_reset="none"), raises, and what it raises is answered by this file.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.consumer.subscription_state import OffsetResetStrategy
from kafka.errors import KafkaError, KafkaTimeoutError

from mmdigit.transport.kafka.topic import TopicWatch
from mmdigit.transport.ports import LossCause, TopicPartition

log = logging.getLogger(__name__)

OFFSETS_TIMEOUT_MS = 10_000
DRAIN_TIMEOUT_MS = 2_000
"""For the answers to fetches that are under way: a broker answers one within half a second (fetch_max_wait_ms)."""


class Positions:
    """The positions of one KafkaConsumer. restarted: called with partitions whose offsets begin again lower; lost: with
    the cause and the number of offsets that the log no longer holds."""

    def __init__(
        self,
        consumer: Any,
        topic: TopicWatch,
        restarted: Callable[[frozenset[TopicPartition]], None],
        lost: Callable[[LossCause, int], None],
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._restarted = restarted
        self._lost = lost
        self._subscription = consumer._subscription
        self._coordinator = consumer._coordinator
        self._fetcher = consumer._fetcher
        self._coordinator.refresh_committed_offsets_if_needed = self.find
        self._parse = self._fetcher._parse_fetched_data
        self._fetcher._parse_fetched_data = self._parse_up_to_stable

    def find(self, timeout_ms: float | None = None) -> bool:
        """Begin newly assigned partitions where the group has committed, else at the earliest record.

        Stands in for kafka-python's own, which takes any committed offset, also of a topic that was deleted since.
        Returns False if the offsets were not known in time.
        """
        missing = self._subscription.missing_fetch_positions()
        try:
            committed = self._coordinator.fetch_committed_offsets(missing, timeout_ms=timeout_ms)
        except KafkaTimeoutError:
            return False
        if any(self._topic.is_of_another(offset.metadata) for offset in committed.values()):
            self._topic.refresh()  # the metadata here may be the older ones
        is_foreign = self._topic.is_of_another
        usable = {place: offset for place, offset in committed.items() if not is_foreign(offset.metadata)}
        for partition in missing:
            if partition in usable:
                self._subscription.seek(partition, usable[partition].offset)
            else:
                self._subscription.request_offset_reset(partition, OffsetResetStrategy.EARLIEST)
        if len(usable) < len(committed):
            self._topic.say_recreated()
        return True

    def begin_anew(self, partitions: Iterable[TopicPartition]) -> None:
        """Read them from their earliest record on, and nothing that was fetched before.

        Without a position nothing more is fetched. What was fetched from offset 0 of the old topic would pass for the
        first records of the new one: it is waited for, and thrown away.
        """
        for partition in partitions:
            self._subscription.request_offset_reset(KafkaPartition(*partition), OffsetResetStrategy.EARLIEST)
        manager = self._fetcher._manager
        for fetch in list(self._fetcher._fetch_futures):
            try:
                manager.run(manager.wait_for, fetch, DRAIN_TIMEOUT_MS)
            except KafkaError as error:
                log.debug("a fetch ended without records", extra={"error": str(error)})
        self._fetcher._completed_fetches.clear()
        self._fetcher.close()  # lets go of the records in line, and of those of paused partitions
        self._fetcher._next_partition_records = None
        self._fetcher._cached_log_truncation = None

    def leave_gap(self, offsets: Mapping[KafkaPartition, int]) -> None:
        """The log holds no record at these offsets: read on where it begins, and tell what is lost."""
        self._topic.refresh()
        if self._topic.is_gone:  # offsets of the old topic: the next poll sees to it
            return
        starts = self._consumer.beginning_offsets(list(offsets), timeout_ms=OFFSETS_TIMEOUT_MS)
        ends = self._consumer.end_offsets(list(offsets), timeout_ms=OFFSETS_TIMEOUT_MS)
        for partition, offset in offsets.items():
            start, end = starts[partition], ends[partition]
            if offset < start:
                self._go_on(partition, start, "retention", offset, start)
            elif offset > end:
                self._go_on(partition, start, "truncation", end, offset)

    def follow_truncation(self, divergent: Mapping[KafkaPartition, Any]) -> None:
        """A new leader holds fewer records than were read of the old one: read on where the logs part."""
        self._topic.refresh()
        if self._topic.is_gone:
            return
        try:
            starts = self._consumer.beginning_offsets(list(divergent), timeout_ms=OFFSETS_TIMEOUT_MS)
        except KafkaError:
            for partition in divergent:  # told once: ask for it again
                self._subscription.request_position_validation(partition)
            raise
        for partition, parted in divergent.items():
            state = self._subscription.assignment.get(partition)
            begin = starts[partition] if parted is None else parted.offset
            if state is not None and state.position is not None and state.position.offset > begin:
                self._go_on(partition, begin, "truncation", begin, state.position.offset)

    def _go_on(self, partition: KafkaPartition, begin: int, cause: LossCause, lost_from: int, lost_to: int) -> None:
        said = {
            "topic": partition.topic,
            "partition": partition.partition,
            "lost": lost_to - lost_from,
            "from_offset": lost_from,
            "to_offset": lost_to - 1,
            "reads_on_at": begin,
        }
        if cause == "retention":
            log.warning("records were deleted before they were read (retention, or delete-records)", extra=said)
        else:
            log.warning("the log ends before the offset that was committed or read: records are gone", extra=said)
            self._restarted(frozenset({TopicPartition(*partition)}))
        self._consumer.seek(partition, begin)
        self._lost(cause, lost_to - lost_from)

    def _parse_up_to_stable(self, fetched: Any) -> Any:
        """Count the lag up to where this consumer can read: what lies behind belongs to transactions that are open."""
        answer = fetched.partition_data
        if answer.last_stable_offset is not None and answer.last_stable_offset >= 0:
            answer.high_watermark = answer.last_stable_offset
        return self._parse(fetched)
