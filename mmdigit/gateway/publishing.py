"""Publishes the records of many requests from one thread: what waits together is acknowledged together."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.transport.ports import Publisher
from schemas.errors import InvalidJob, MmdigitError, TransportError

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 5.0
MAX_BATCH_RECORDS = 1000
MAX_BATCH_BYTES = 8 * 1024 * 1024
MAX_WAITING_RECORDS = 10_000
MAX_WAITING_BYTES = 64 * 1024 * 1024


class _Request(NamedTuple):
    records: Sequence[Outgoing]
    size: int
    published: asyncio.Future[None]


class BatchPublisher:
    """Publishes for all requests of a gateway. Opens its publisher in its own thread."""

    def __init__(
        self,
        open_publisher: Callable[[], Publisher],
        loop: asyncio.AbstractEventLoop,
        metrics: GatewayMetrics | None = None,
    ) -> None:
        self._open = open_publisher
        self._loop = loop
        self._metrics = metrics or GatewayMetrics()
        self._publisher: Publisher | None = None
        self._requests: deque[_Request] = deque()
        self._records = self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._used = False
        self.waiting_for = ""
        """Why the topic takes no records; empty if it does."""
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
        self._thread.start()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when all records are acknowledged as durable.

        Raises TransportError if the topic does not take them, or too many wait already: some may have arrived, so
        send them again under the same ids. Raises InvalidRecord if one is larger than the topic takes.
        """
        if not records:
            return
        size = sum(len(record.value) for record in records)
        request = _Request(records, size, self._loop.create_future())
        with self._changed:
            too_many = self._records + len(records) > MAX_WAITING_RECORDS or self._bytes + size > MAX_WAITING_BYTES
            if self._closing or (self._requests and too_many):
                raise TransportError(
                    f"expected at most {MAX_WAITING_RECORDS} records that wait for the topic, got more; send later"
                )
            self._requests.append(request)
            self._records += len(records)
            self._bytes += size
            self._changed.notify()
        started_s = time.monotonic()
        await request.published
        self._metrics.publish_s.observe(time.monotonic() - started_s)
        self._metrics.jobs_published.inc(len(records))

    @property
    def waiting(self) -> int:
        """How many records wait for their turn."""
        return self._records

    def look(self) -> None:
        """Notice a topic that is away while nobody publishes, by opening it once more. Blocks."""
        used, self._used = self._used, False
        if used or self._requests:
            return
        try:
            self._open().close()
        except MmdigitError as error:
            self.waiting_for = str(error)
        else:
            self.waiting_for = ""

    def close(self) -> None:
        """Publish what waits, and release the publisher."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._used = True
            try:
                outcomes = self._publish(batch)
            except Exception:  # no request may wait for ever, and no later one
                log.exception("publishing failed; please report it")
                outcomes = [TransportError("expected records published, got an error; send them again")] * len(batch)
            self._loop.call_soon_threadsafe(_settle, batch, outcomes)
        if self._publisher is not None:
            self._publisher.close()

    def _next_batch(self) -> list[_Request]:
        """What waits, up to a size; empty once closed."""
        batch: list[_Request] = []
        records = size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._requests or self._closing)
            while self._requests and records < MAX_BATCH_RECORDS and size < MAX_BATCH_BYTES:
                batch.append(request := self._requests.popleft())
                records += len(request.records)
                size += request.size
            self._records -= records
            self._bytes -= size
        return batch

    def _publish(self, batch: Sequence[_Request]) -> list[MmdigitError | None]:
        """The error of each request, None for those whose records are all acknowledged."""
        left = [len(request.records) for request in batch]
        errors: list[MmdigitError | None] = [None] * len(batch)
        failure: MmdigitError | None = None
        try:
            if self._publisher is None:
                self._publisher = self._open()
            for number, request in enumerate(batch):
                try:
                    for record in request.records:
                        acknowledge = partial(_decrement, left, number)
                        self._publisher.send(record.key, record.value, acknowledge, record.headers)
                except TransportError:
                    raise
                except MmdigitError as error:  # this request's own fault, such as a record that is too large
                    errors[number] = error
            self._publisher.flush(FLUSH_TIMEOUT_S)
        except MmdigitError as error:
            failure = error
        if isinstance(failure, InvalidJob) and len(batch) > 1:  # it is the fault of one request, which none names
            return [
                self._publish([batch[number]])[0] if error is None and left[number] else error
                for number, error in enumerate(errors)
            ]
        self.waiting_for = "" if failure is None or isinstance(failure, InvalidJob) else str(failure)
        if self.waiting_for:
            self._metrics.topic_errors.inc()
        lost = failure or TransportError("expected every record acknowledged, got some that are not; send them again")
        return [error or (lost if left[number] else None) for number, error in enumerate(errors)]


def _decrement(left: list[int], number: int) -> None:
    left[number] -= 1


def _settle(batch: Sequence[_Request], errors: Sequence[MmdigitError | None]) -> None:
    for request, error in zip(batch, errors, strict=True):
        if request.published.done():  # its caller has gone
            continue
        if error is None:
            request.published.set_result(None)
        else:
            request.published.set_exception(error)
