"""The loop of a consuming program: everything but what it does with its records."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from mmdigit.consuming.backoff import Backoff
from mmdigit.consuming.breaker import Breaker
from mmdigit.consuming.committing import Committer
from mmdigit.consuming.metrics import LoopMetrics
from mmdigit.consuming.offsets import OffsetTracker
from mmdigit.consuming.publishing import Outgoing, Unacknowledged
from mmdigit.consuming.settings import ConsumingSettings
from mmdigit.transport.ports import Consumer, Publisher, Record, TopicPartition
from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidRecord, MmdigitError, RetriableError, SettingsError
from schemas.wire import encode

log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 0.5  # the longest idle turn, and so the longest delay before a stop is noticed

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818  a requested stop, not an error
    """The worker was told to stop while it waited for a store or broker; what is open is not committed."""


class ConsumingLoop(ABC):
    """Polls, retries without leaving the group, publishes dead letters, and commits what `_offsets` says is finished.

    A program adds run_once: its turn.
    """

    def __init__(
        self,
        settings: ConsumingSettings,
        consumer: Consumer,
        dead_letters: Publisher,
        metrics: LoopMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry_max_s = settings.retry_max_s
        self._exit_when_idle_s = settings.exit_when_idle_s
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._loop_metrics = metrics
        self._clock = clock
        self._offsets = OffsetTracker()
        failed = metrics.retries.labels("commit").inc
        self._committer = Committer(consumer, self._offsets, settings.commit_every_s, clock, failed)
        self._breaker = Breaker(settings.breaker_in_a_row, settings.breaker_share, settings.breaker_window)
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._stop = threading.Event()
        self._attempt = 1  # of the action that _retry is running
        self._last_busy_s = self._last_turn_s = clock()
        self.dead_lettered = 0
        """Records since the start."""
        self.waiting_for = ""
        """Why the worker is not ready: the store or broker that fails or is silent; empty if none does."""
        self.failed = ""
        """The error that ended the loop; empty if none did."""
        consumer.on_assigned = self._on_assigned
        consumer.on_revoked = self._on_revoked
        consumer.on_restarted = self._on_restarted
        consumer.on_records_lost = lambda cause, records: metrics.records_expired.labels(cause).inc(records)
        metrics.dead_in_a_row.set_function(lambda: self._breaker.in_a_row)
        metrics.breaker_fill.set_function(lambda: self._breaker.fill)
        metrics.since_turn_s.set_function(lambda: self.since_turn_s)
        metrics.since_commit_s.set_function(lambda: self._committer.since_commit_s)

    @abstractmethod
    def run_once(self) -> None:
        """One turn: poll, work, and commit what is finished."""

    def poll_limits(self) -> tuple[int, float]:
        """How many records to poll, and how long to wait for the first one, in seconds; one by default."""
        return 1, POLL_TIMEOUT_S

    def finish_open(self) -> None:  # noqa: B027  a hook
        """Finish what is polled and still open when the loop ends; nothing by default."""

    def drop_open(self, partitions: frozenset[TopicPartition]) -> None:  # noqa: B027  a hook
        """Drop what is polled of revoked partitions and still open: the new owner reads it; nothing by default."""

    def run(self) -> None:
        """Turn until stopped or idle for too long; then finish what is open.

        Commits what is finished, however the loop ends. Raises TooManyDeadLetters if the breaker opens, SettingsError
        if the dead letters can never be written.
        """
        try:
            while not self._stop.is_set() and not self._is_idle_too_long():
                self.run_once()
            self.finish_open()
        except Stopped:
            log.warning("stopped while waiting; what is not committed will be delivered again")
        except MmdigitError as exc:
            self.failed = str(exc)
            raise
        finally:
            self._committer.commit_on_exit(self._keep_alive)

    def stop(self) -> None:
        """End after the current turn; safe in a signal handler."""
        self._stop.set()

    @property
    def since_turn_s(self) -> float:
        """Seconds since the last turn or retry."""
        return self._clock() - self._last_turn_s

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions of this worker since the last rebalance; safe to read from any thread."""
        return self._assigned

    def _poll(self) -> list[Record]:
        self._last_turn_s = self._clock()
        with self._loop_metrics.stage("poll"):
            records = self._retry("poll", self._poll_once)
            for partition, lag in self._consumer.lag().items():
                self._loop_metrics.lag.labels(partition.topic, partition.partition).set(lag)
            self.waiting_for = self._consumer.waiting_for()
        return records

    def _poll_once(self) -> list[Record]:
        records = self._consumer.poll(*self.poll_limits())
        self._offsets.begin(records)  # before anything else can fail: no commit may pass over a polled record
        if records:
            self._last_busy_s = self._clock()
        return records

    def _publish_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Publish until every dead letter is acknowledged."""
        if not letters:
            return
        try:
            records = (Outgoing(letter.key, encode(letter, "msgpack")) for letter in letters)
            self._retry("dead_letter", Unacknowledged(self._dead_letters, records, "dead letters").publish)
        except InvalidRecord as exc:
            raise SettingsError(
                f"expected a dead-letter topic that takes larger records than {letters[0].source.topic}: {exc}; raise "
                "its max.message.bytes"
            ) from exc

    def _log_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        self.dead_lettered += len(letters)
        for letter in letters:
            trace = {"traceparent": letter.traceparent} if letter.traceparent else {}
            fields = dict(letter.source) | {"reason": letter.reason, "error": letter.error} | trace
            log.warning("dead letter", extra=fields)

    def _retry(self, stage: str, action: Callable[[], T]) -> T:
        """Retry until the action works, with growing pauses; stay in the group. Raises Stopped if told to stop."""
        pauses_s = Backoff(self._retry_max_s)
        self._attempt = 0
        while True:
            self._attempt += 1
            try:
                result = action()
            except RetriableError as exc:
                pause_s = next(pauses_s)
                self.waiting_for = f"{stage}: {exc}"
                self._loop_metrics.retries.labels(stage).inc()
                log.warning("will try again", extra={"stage": stage, "pause_s": pause_s, "error": str(exc)})
            else:
                self.waiting_for = ""
                return result
            if self._stop.wait(pause_s):
                raise Stopped
            self._last_turn_s = self._last_busy_s = self._clock()  # an outage does not count as idle time
            self._keep_alive()

    def _keep_alive(self) -> None:
        try:
            self._consumer.keep_alive()
        except RetriableError as exc:
            log.debug("keep-alive failed", extra={"error": str(exc)})

    def _is_idle_too_long(self) -> bool:
        limit_s = self._exit_when_idle_s
        return limit_s is not None and self._clock() - self._last_busy_s >= limit_s

    def _on_assigned(self, partitions: frozenset[TopicPartition]) -> None:
        self._assigned |= partitions
        self._partitions_moved("assigned", partitions)

    def _on_revoked(self, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        """Drop what is not finished: the new owner answers it. Returns what is finished, for a last commit."""
        self._assigned -= partitions
        self.drop_open(partitions)
        finished = {partition: n for partition, n in self._offsets.committable().items() if partition in partitions}
        for partition in partitions:
            self._loop_metrics.lag.remove(partition.topic, str(partition.partition))
        self._partitions_moved("revoked", partitions)
        return finished

    def _on_restarted(self, partitions: frozenset[TopicPartition]) -> None:
        """Answer what was polled, since nobody can read it again, but do not commit it: the offsets start again."""
        self._offsets.forget(partitions)
        self._committer.abandon_pending()

    def _partitions_moved(self, event: str, partitions: frozenset[TopicPartition]) -> None:
        self._offsets.forget(partitions)
        self._committer.abandon_pending()
        self._loop_metrics.rebalances.labels(event).inc()
        self._loop_metrics.assigned_partitions.set(len(self._assigned))
        log.info("partitions %s", event, extra={"partitions": [p.partition for p in sorted(partitions)]})
