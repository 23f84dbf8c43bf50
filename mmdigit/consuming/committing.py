"""Commits what is finished: without waiting while there is work, at once while there is none."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmdigit.consuming.offsets import OffsetTracker
from mmdigit.transport.ports import Consumer, PendingCommit, TopicPartition
from schemas.errors import RetriableError

log = logging.getLogger(__name__)

EXIT_ATTEMPTS = 5
"""A rebalance makes the last commit fail; whatever it leaves uncommitted is answered a second time."""


class Committer:
    """A failed commit delays nothing: its records are finished, and the next commit includes them."""

    def __init__(
        self,
        consumer: Consumer,
        offsets: OffsetTracker,
        every_s: float,
        clock: Callable[[], float],
        count_failure: Callable[[], object],
    ) -> None:
        self._consumer = consumer
        self._offsets = offsets
        self._every_s = every_s
        self._clock = clock
        self._count_failure = count_failure
        self._pending: tuple[dict[TopicPartition, int], PendingCommit] | None = None
        self._last_s = clock()

    @property
    def since_commit_s(self) -> float:
        """Seconds since the last commit, or since the start."""
        return self._clock() - self._last_s

    def commit_if_due(self) -> None:
        """Begin a commit if none is pending and the last one is every_s old. Never waits: a commit takes the broker
        as long as eight jobs take the worker."""
        self._settle_pending()
        if self._pending is None and self.since_commit_s >= self._every_s:
            next_offsets = self._offsets.committable()
            if next_offsets:
                with self._failure_counted():
                    self._pending = next_offsets, self._consumer.begin_commit(next_offsets)

    def commit_now(self) -> None:
        """Commit everything that is finished and wait for the broker. A pending commit is repeated.

        Call it only after a poll that returned: positions may be ahead of the polled records if it raised.
        """
        self._offsets.advance(self._consumer.positions())
        self._commit_finished()

    def _commit_finished(self) -> None:
        self._settle_pending()
        next_offsets = self._offsets.committable()
        if next_offsets:
            with self._failure_counted():
                self._consumer.commit(next_offsets)
                self._mark_committed(next_offsets)

    def commit_on_exit(self, keep_alive: Callable[[], object]) -> None:
        """Commit everything that is finished, and retry during a rebalance, in which keep_alive takes part."""
        for _ in range(EXIT_ATTEMPTS):
            self._commit_finished()
            if not self._offsets.committable():
                return
            keep_alive()
        log.warning("the last commit failed; what it held will be answered again")

    def abandon_pending(self) -> None:
        """Ignore the result of the pending commit: partitions moved, and their offsets may belong to another worker."""
        self._pending = None

    def _settle_pending(self) -> None:
        if self._pending is not None and self._pending[1].done():
            (next_offsets, commit), self._pending = self._pending, None
            with self._failure_counted():
                commit.result()
                self._mark_committed(next_offsets)

    def _mark_committed(self, next_offsets: dict[TopicPartition, int]) -> None:
        self._offsets.committed(next_offsets)
        self._last_s = self._clock()

    @contextmanager
    def _failure_counted(self) -> Iterator[None]:
        try:
            yield
        except RetriableError as error:
            self._count_failure()
            log.warning("commit failed, the next one includes it", extra={"error": str(error)})
