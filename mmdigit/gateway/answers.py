"""AnswerFeed: one thread follows the store's feed and wakes whoever waits for a job or listens to a group."""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.transport.ports import PredictionStore
from schemas.errors import MmdigitError
from schemas.prediction import Prediction

log = logging.getLogger(__name__)

BLOCK_S = 0.25  # the longest time before a dead letter, or an outcome that was there before, is noticed
PAGE = 1000
PAUSE_AFTER_ERROR_S = 1.0
LINGER_S = 5.0  # the feed is followed so long after the last waiter has gone

Outcome = Prediction | str
"""A prediction, or the reason of a dead letter."""
Observer = Callable[[Sequence[Prediction]], None]
"""Gets each new prediction once, several together."""


class Waiter:
    """Waits for one job's outcome."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._answered: asyncio.Future[Outcome] = loop.create_future()

    def settle(self, outcome: Outcome) -> None:
        if not self._answered.done():
            self._answered.set_result(outcome)

    async def outcome(self, timeout_s: float) -> Outcome | None:
        """The job's outcome; None if there is none within timeout_s."""
        done, _ = await asyncio.wait({self._answered}, timeout=timeout_s)
        return self._answered.result() if done else None


class AnswerFeed:
    """Follows the feed while anybody is interested. Its methods are for the event loop's thread."""

    def __init__(
        self,
        open_store: Callable[[], PredictionStore],
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
        metrics: GatewayMetrics | None = None,
    ) -> None:
        self._open = open_store
        self._metrics = metrics or GatewayMetrics()
        self._loop = loop
        self._clock = clock
        self._waiters: dict[str, list[Waiter]] = defaultdict(list)
        self._unchecked: list[str] = []  # jobs whose outcome may be older than the position in the feed
        self._listeners: dict[str, list[asyncio.Event]] = defaultdict(list)
        self._observers: list[Observer] = []
        self._changed = threading.Condition()
        self._closing = False
        self.waiting_for = ""
        """Why the store cannot be read; empty if it can."""
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    @contextmanager
    def waiting(self, job_id: str, *, new: bool = False) -> Iterator[Waiter]:
        """A waiter for the job's outcome; take it before the job is published. new: the job cannot have one yet."""
        waiter = Waiter(self._loop)
        with self._changed:
            self._waiters[job_id].append(waiter)
            if not new:
                self._unchecked.append(job_id)
            self._changed.notify()
        try:
            yield waiter
        finally:
            with self._changed:
                _remove(self._waiters, job_id, waiter)

    @contextmanager
    def listening(self, group: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the group may have a new prediction; whoever waits for it clears it."""
        event = asyncio.Event()
        with self._changed:
            self._listeners[group].append(event)
            self._changed.notify()
        try:
            yield event
        finally:
            with self._changed:
                _remove(self._listeners, group, event)

    @contextmanager
    def observing(self, observer: Observer) -> Iterator[None]:
        """Around the time in which the observer gets what is new in the feed, of all groups. Dead letters are not."""
        with self._changed:
            self._observers.append(observer)
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._observers.remove(observer)

    @property
    def waiters(self) -> int:
        """For how many jobs somebody waits."""
        return len(self._waiters)

    def wake(self) -> None:
        """Set the event of every listener."""
        for events in self._listeners.values():
            for event in events:
                event.set()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        store: PredictionStore | None = None
        while self._wait_for_interest():
            try:
                store = store or self._open()
                self._follow(store)
            except MmdigitError as error:  # one that ends a program, too: it may be mended, and callers wait
                self.waiting_for = str(error)
                self._metrics.store_errors.inc()
                log.warning("the feed fails, trying again", extra={"error": str(error)})
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, PAUSE_AFTER_ERROR_S)
        if store is not None:
            store.close()

    @property
    def _is_of_interest(self) -> bool:
        return bool(self._waiters or self._listeners or self._observers)

    def _wait_for_interest(self) -> bool:
        with self._changed:
            if not self._is_of_interest:
                self.waiting_for = ""  # nobody would try again, and a gateway that is not ready gets no requests
            self._changed.wait_for(lambda: self._is_of_interest or self._closing)
            return not self._closing

    def _follow(self, store: PredictionStore) -> None:
        """Follow the feed until nobody has been interested for a while."""
        position = store.feed_end()
        self.waiting_for = ""
        with self._changed:
            self._unchecked = list(self._waiters)  # outcomes may have come before the position, of new jobs as well
        self._loop.call_soon_threadsafe(self.wake)
        interested_s = dead_checked_s = self._clock()
        while not self._closing:
            with self._changed:
                unchecked, self._unchecked = self._unchecked, []
                waiting = list(self._waiters)
                if self._is_of_interest:
                    interested_s = self._clock()
            now_s = self._clock()
            if now_s - interested_s > LINGER_S:
                return
            self._check(store, unchecked)
            entries = store.feed(position, PAGE, BLOCK_S)
            if entries:
                position = entries[-1][0]
                self._loop.call_soon_threadsafe(self._deliver_new, [prediction for _, prediction in entries])
            if now_s - dead_checked_s >= BLOCK_S:
                dead_checked_s = now_s
                self._check_dead(store, waiting)

    def _check(self, store: PredictionStore, job_ids: Sequence[str]) -> None:
        if job_ids:
            found = [prediction for prediction in store.get(job_ids) if prediction is not None]
            if found:
                self._loop.call_soon_threadsafe(self._deliver, found)

    def _check_dead(self, store: PredictionStore, job_ids: Sequence[str]) -> None:
        reasons = store.dead_letter_reasons(job_ids) if job_ids else []
        dead = {name: reason for name, reason in zip(job_ids, reasons, strict=True) if reason is not None}
        if dead:
            self._loop.call_soon_threadsafe(self._deliver_dead, dead)

    def _deliver_new(self, predictions: Sequence[Prediction]) -> None:
        for observer in self._observers:
            observer(predictions)
        self._deliver(predictions)

    def _deliver(self, predictions: Sequence[Prediction]) -> None:
        for prediction in predictions:
            for waiter in self._waiters.get(prediction.job_id, ()):
                waiter.settle(prediction)
            if prediction.group is not None:
                for event in self._listeners.get(prediction.group, ()):
                    event.set()

    def _deliver_dead(self, reasons: dict[str, str]) -> None:
        for job_id, reason in reasons.items():
            for waiter in self._waiters.get(job_id, ()):
                waiter.settle(reason)


def _remove(places: "dict[str, list[Waiter]] | dict[str, list[asyncio.Event]]", key: str, item: object) -> None:
    left = [each for each in places[key] if each is not item]
    if left:
        places[key] = left  # type: ignore[assignment]
    else:
        del places[key]
