"""Watches outcomes arrive: polls the store's feed, whatever happens to the store."""

import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager

from lab.kit.load import Load
from lab.kit.polling import wait_for_count
from mmdigit.transport.urls import open_store
from schemas.errors import RetriableError
from schemas.prediction import Prediction

STALLED_AFTER_S = 120.0
_POLL_EVERY_S = 0.02
_RETRY_AFTER_S = 0.1


class Watch(AbstractContextManager["Watch"]):
    """The outcomes of one group, until the end of the block."""

    def __init__(self, store_url: str, group: str) -> None:
        self.answered: set[str] = set()
        """Ids of the jobs that have a prediction."""
        self.dead = 0
        """The number of dead letters of the group, as the store counts them."""
        self.newest: Prediction | None = None
        """The latest entry of the feed."""
        self._times_s: dict[int, list[float]] = defaultdict(list)
        self._polls = 0
        self._url = store_url
        self._group = group
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @property
    def outcomes(self) -> int:
        return len(self.answered) + self.dead

    def catch_up(self, timeout_s: float) -> bool:
        """Wait for a poll that begins after this call; False if none ends in time."""
        with self._changed:
            wanted = self._polls + 2
            return self._changed.wait_for(lambda: self._polls >= wanted, timeout_s)

    def await_all_partitions(self, partitions: int, since_s: float, timeout_s: float) -> float | None:
        """Seconds from since_s (time.monotonic) until every partition has a later prediction; None: not in time."""
        deadline_s = time.monotonic() + timeout_s

        def firsts_s() -> list[float]:
            seen = [self._first_after(partition, since_s) for partition in range(partitions)]
            return [at_s for at_s in seen if at_s is not None]

        with self._changed:
            while len(found := firsts_s()) < partitions:
                if not self._changed.wait(max(0.0, deadline_s - time.monotonic())):
                    return None
        return max(found) - since_s

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()

    def _first_after(self, partition: int, since_s: float) -> float | None:
        times_s = self._times_s.get(partition, [])
        if not times_s or times_s[-1] <= since_s:
            return None
        return next(at_s for at_s in times_s if at_s > since_s)

    def _run(self) -> None:
        position = ""
        while not self._ended.is_set():
            try:
                with open_store(self._url) as store:
                    while not self._ended.wait(_POLL_EVERY_S):
                        entries = store.feed(position)
                        dead = store.counts(self._group).dead
                        now_s = time.monotonic()
                        with self._changed:
                            for position, prediction in entries:  # noqa: B007  the last position is kept
                                if prediction.group == self._group:
                                    self.answered.add(prediction.job_id)
                                    self.newest = prediction
                                    self._times_s[prediction.source.partition].append(now_s)
                            self.dead = dead
                            self._polls += 1
                            self._changed.notify_all()
            except RetriableError:
                self._ended.wait(_RETRY_AFTER_S)


def await_outcomes_of(load: Load, watch: Watch) -> None:
    """Wait until every acknowledged job has an outcome, or none has arrived for STALLED_AFTER_S."""
    wait_for_count(lambda: watch.outcomes, len(load.acknowledged), stalled_after_s=STALLED_AFTER_S)
