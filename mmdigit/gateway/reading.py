"""StoreReader: calls the store from a few threads, each call with a store of its own."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.transport.ports import Outcome, PredictionStore
from schemas.errors import AccessError, MmdigitError, RetriableError, StoreError

THREADS = 4

T = TypeVar("T")


class StoreReader:
    """Reads for the event loop. A store is opened when it is first needed, and again after an error.

    While the store fails, one call at a time tries it and all others fail at once: if each waited for its own time-out,
    the last of many would wait for minutes.
    """

    def __init__(self, open_store: Callable[[], PredictionStore], metrics: GatewayMetrics | None = None) -> None:
        self._open = open_store
        self._metrics = metrics or GatewayMetrics()
        self._idle: queue.SimpleQueue[PredictionStore] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, "store")
        self._trying = threading.Lock()
        self.waiting_for = ""
        """Why the last call failed; empty if it did not."""

    async def read(self, call: Callable[[PredictionStore], T]) -> T:
        """The result of the call in a thread. Raises what the store raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, call)

    async def group_outcomes(self, group: str, after: str, limit: int) -> list[Outcome]:
        """As PredictionStore.group_outcomes."""
        return await self.read(lambda store: store.group_outcomes(group, after, limit))

    def close(self) -> None:
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    def _call(self, call: Callable[[PredictionStore], T]) -> T:
        if not (why := self.waiting_for):
            return self._ask(call)
        if not self._trying.acquire(blocking=False):
            raise StoreError(why)
        try:
            return self._ask(call)
        finally:
            self._trying.release()

    def _ask(self, call: Callable[[PredictionStore], T]) -> T:
        store = self._taken()
        try:
            result = call(store)
        except (RetriableError, AccessError) as error:  # another error is the caller's, such as an invalid position
            self._failed(error)
            raise
        else:
            self.waiting_for = ""
            return result
        finally:
            self._idle.put(store)

    def _taken(self) -> PredictionStore:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        try:
            return self._open()
        except MmdigitError as error:
            self._failed(error)
            raise

    def _failed(self, error: MmdigitError) -> None:
        self.waiting_for = str(error)
        self._metrics.store_errors.inc()
