"""Commits what is safe: now and then under load, without waiting; at once when there is time."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmdigit.transport.ports import Consumer, PendingCommit, TopicPartition
from schemas.errors import RetriableError
from worker.offsets import OffsetTracker

log = logging.getLogger(__name__)

LAST_TRIES = 5
"""At the end, while the group rebalances: what is stored and not committed would be answered again."""


class Committer:
    """A commit that fails holds nothing back: all of it is stored, and the next one includes it."""

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
        self._begun: tuple[dict[TopicPartition, int], PendingCommit] | None = None
        self._last_s = clock()

    @property
    def since_commit_s(self) -> float:
        """Seconds since the last commit, or since the start."""
        return self._clock() - self._last_s

    def soon(self) -> None:
        """Begin a commit if the last one is every_s old and none is under way. Waits for nothing: a commit takes the
        broker as long as eight jobs take here."""
        self._take_up()
        if self._begun is None and self.since_commit_s >= self._every_s:
            next_offsets = self._offsets.committable()
            if next_offsets:
                with self._or_later():
                    self._begun = next_offsets, self._consumer.begin_commit(next_offsets)

    def now(self) -> None:
        """Commit all that is safe, and wait for the broker. What is under way is committed once more."""
        self._take_up()
        self._offsets.advance(self._consumer.positions())
        next_offsets = self._offsets.committable()
        if next_offsets:
            with self._or_later():
                self._consumer.commit(next_offsets)
                self._done(next_offsets)

    def at_last(self, keep_alive: Callable[[], object]) -> None:
        """Commit all that is safe at the end, again while the group rebalances; keep_alive takes part in that."""
        for _ in range(LAST_TRIES):
            self.now()
            if not self._offsets.committable():
                return
            keep_alive()
        log.warning("the last commit failed; what it held will be answered again")

    def partitions_moved(self) -> None:
        """The outcome of what is under way says nothing any more of who is to commit what."""
        self._begun = None

    def _take_up(self) -> None:
        if self._begun is not None and self._begun[1].done():
            (next_offsets, commit), self._begun = self._begun, None
            with self._or_later():
                commit.result()
                self._done(next_offsets)

    def _done(self, next_offsets: dict[TopicPartition, int]) -> None:
        self._offsets.committed(next_offsets)
        self._last_s = self._clock()

    @contextmanager
    def _or_later(self) -> Iterator[None]:
        try:
            yield
        except RetriableError as error:
            self._count_failure()
            log.warning("commit failed, the next one includes it", extra={"error": str(error)})
