"""Sets the position of each partition, and reports every record that was skipped because the log no longer holds it.

If the log does not hold the committed offset, kafka-python silently continues at the earliest one. Therefore
auto_offset_reset is "none", which makes it raise an error that this module handles.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.consumer.subscription_state import OffsetResetStrategy
from kafka.errors import KafkaError, KafkaTimeoutError

from mmdigit.transport.kafka.topic import TopicWatcher
from mmdigit.transport.ports import LossCause, TopicPartition

log = logging.getLogger(__name__)

OFFSETS_TIMEOUT_MS = 10_000
DRAIN_TIMEOUT_MS = 2_000
"""For pending fetches: a broker answers each within half a second (fetch_max_wait_ms)."""


class Positions:
    """The positions of one KafkaConsumer.

    restarted: called with partitions whose offsets start again at a lower number.
    lost: called with the cause and the number of offsets that the log no longer holds.
    """

    def __init__(
        self,
        consumer: Any,
        topic: TopicWatcher,
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
        self._coordinator.refresh_committed_offsets_if_needed = self.set_positions
        self._parse = self._fetcher._parse_fetched_data
        self._fetcher._parse_fetched_data = self._parse_with_stable_offset

    def set_positions(self, timeout_ms: float | None = None) -> bool:
        """Start newly assigned partitions at the committed offset, else at the earliest record.

        Replaces kafka-python's own method, which also uses offsets that belong to a deleted topic of the same name.
        Returns False if fetching the offsets timed out.
        """
        missing = self._subscription.missing_fetch_positions()
        try:
            committed = self._coordinator.fetch_committed_offsets(missing, timeout_ms=timeout_ms)
        except KafkaTimeoutError:
            return False
        if any(self._topic.is_from_old_topic(offset.metadata) for offset in committed.values()):
            self._topic.refresh()  # our metadata may be the older ones
        is_stale = self._topic.is_from_old_topic
        usable = {partition: offset for partition, offset in committed.items() if not is_stale(offset.metadata)}
        for partition in missing:
            if partition in usable:
                self._subscription.seek(partition, usable[partition].offset)
            else:
                self._subscription.request_offset_reset(partition, OffsetResetStrategy.EARLIEST)
        if len(usable) < len(committed):
            self._topic.warn_recreated()
        return True

    def reset_to_earliest(self, partitions: Iterable[TopicPartition]) -> None:
        """Read the partitions from their earliest record, and discard everything fetched before.

        Without a position, kafka-python starts no new fetch. Pending fetches from offset 0 of the old topic would be
        taken for the first records of the new one, so this waits for them and discards them.
        """
        for partition in partitions:
            self._subscription.request_offset_reset(KafkaPartition(*partition), OffsetResetStrategy.EARLIEST)
        manager = self._fetcher._manager
        for fetch in list(self._fetcher._fetch_futures):
            try:
                manager.run(manager.wait_for, fetch, DRAIN_TIMEOUT_MS)
            except KafkaError as error:
                log.debug("a fetch returned no records", extra={"error": str(error)})
        self._fetcher._completed_fetches.clear()
        self._fetcher.close()  # discards buffered records, also those of paused partitions
        self._fetcher._next_partition_records = None
        self._fetcher._cached_log_truncation = None

    def handle_out_of_range(self, offsets: Mapping[KafkaPartition, int]) -> None:
        """The log has no record at these offsets: continue at its start, and report the loss."""
        self._topic.refresh()
        if self._topic.is_gone:  # offsets of the old topic: the next poll handles it
            return
        starts = self._consumer.beginning_offsets(list(offsets), timeout_ms=OFFSETS_TIMEOUT_MS)
        ends = self._consumer.end_offsets(list(offsets), timeout_ms=OFFSETS_TIMEOUT_MS)
        for partition, offset in offsets.items():
            start, end = starts[partition], ends[partition]
            if offset < start:
                self._continue_at(partition, start, "retention", offset, start)
            elif offset > end:
                self._continue_at(partition, start, "truncation", end, offset)

    def handle_truncation(self, divergent: Mapping[KafkaPartition, Any]) -> None:
        """A new leader has fewer records than were read from the old one: continue where their logs diverge."""
        self._topic.refresh()
        if self._topic.is_gone:
            return
        try:
            starts = self._consumer.beginning_offsets(list(divergent), timeout_ms=OFFSETS_TIMEOUT_MS)
        except KafkaError:
            for partition in divergent:  # kafka-python reports it only once: request it again
                self._subscription.request_position_validation(partition)
            raise
        for partition, divergence in divergent.items():
            state = self._subscription.assignment.get(partition)
            begin = starts[partition] if divergence is None else divergence.offset
            if state is not None and state.position is not None and state.position.offset > begin:
                self._continue_at(partition, begin, "truncation", begin, state.position.offset)

    def _continue_at(
        self, partition: KafkaPartition, begin: int, cause: LossCause, lost_from: int, lost_to: int
    ) -> None:
        extra = {
            "topic": partition.topic,
            "partition": partition.partition,
            "lost": lost_to - lost_from,
            "from_offset": lost_from,
            "to_offset": lost_to - 1,
            "reads_on_at": begin,
        }
        if cause == "retention":
            log.warning("records were deleted before they were read (retention, or delete-records)", extra=extra)
        else:
            log.warning("the log ends before the committed or read offset: records are lost", extra=extra)
            self._restarted(frozenset({TopicPartition(*partition)}))
        self._consumer.seek(partition, begin)
        self._lost(cause, lost_to - lost_from)

    def _parse_with_stable_offset(self, fetched: Any) -> Any:
        """Compute the lag up to the last stable offset: later records belong to open transactions."""
        answer = fetched.partition_data
        if answer.last_stable_offset is not None and answer.last_stable_offset >= 0:
            answer.high_watermark = answer.last_stable_offset
        return self._parse(fetched)
