"""Writes to a store as a worker does: batch after batch, each until it is stored."""

import threading
import time
from contextlib import AbstractContextManager
from typing import Self

from lab.kit.polling import until
from mmdigit.transport.ports import GroupCounts, PredictionStore
from schemas.errors import MmdigitError, StoreError
from tests.factories import make_prediction

BATCH = 16


class Load(AbstractContextManager["Load"]):
    """Puts batches of new jobs from a thread within the block, and retries on StoreError as the worker does."""

    def __init__(self, store: PredictionStore) -> None:
        self.stored = 0
        self.longest_failure_s = 0.0  # of a single call
        self.failures: list[str] = []
        self.broken: MmdigitError | None = None
        self._store = store
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop after the current batch."""
        self._ending.set()
        self._thread.join(60)

    def await_more(self, batches: int) -> None:
        """Return once that many more batches are stored; fail the test if they are not."""
        goal = self.stored + batches * BATCH
        try:
            until(lambda: self.broken or self.stored >= goal, f"{goal} predictions stored")
        finally:
            assert self.broken is None
            assert self.stored >= goal, self.failures[-3:]

    def check(self, store: PredictionStore) -> None:
        """Fail the test unless each job is stored, counted once, once in the feed and once in its group's outcomes."""
        self.end()
        wanted = [f"job-{number}" for number in range(self.stored)]
        lost = [job_id for job_id, found in zip(wanted, store.get(wanted), strict=True) if found is None]
        assert lost == []
        assert store.counts("g") == GroupCounts(done=self.stored, dead=0)
        seen, position = [], ""
        while entries := store.feed(position):
            seen += [prediction.job_id for _, prediction in entries]
            position = entries[-1][0]
        assert sorted(seen) == sorted(wanted)
        seen, position = [], ""
        while outcomes := store.group_outcomes("g", position):
            seen += [outcome.job_id for outcome in outcomes]
            position = outcomes[-1].position
        assert sorted(seen) == sorted(wanted)

    def _run(self) -> None:
        while not self._ending.is_set():
            batch = [make_prediction(self.stored + number) for number in range(BATCH)]
            began_s = time.monotonic()
            try:
                self._store.put(batch)
            except StoreError as error:
                self.failures.append(str(error))
                self.longest_failure_s = max(self.longest_failure_s, time.monotonic() - began_s)
                self._ending.wait(0.05)
            except MmdigitError as error:
                self.broken = error
                return
            else:
                self.stored += BATCH
