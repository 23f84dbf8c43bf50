"""BatchPublisher on publishers that fail in each way: every request is settled once, and truthfully."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway import publishing
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.publishing import MAX_WAITING_RECORDS, BatchPublisher
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.errors import InvalidRecord, MmdigitError, TopicError, TransportError
from tests.mmdigit.gateway.asgi import eventually

Fault = Literal["", "open", "topic", "send", "large", "flush", "flush_large", "silent", "bug"]
LARGE = b"large"


class Faulty:
    """A publisher that acknowledges on flush, unless the next of its faults says otherwise."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.faults = list(faults)
        self.acknowledged: list[bytes] = []
        self.opened = self.flushed = 0
        self.gate = threading.Event()
        self.gate.set()
        self._fault: Fault = ""
        self._buffer: list[tuple[bytes, Callable[[], object] | None]] = []

    def open(self) -> Self:
        self.opened += 1
        self._next("open", "topic")
        if self._fault:
            raise TransportError("no broker") if self._fault == "open" else TopicError("no topic")
        return self

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        self.gate.wait(30)
        self._next("send", "bug")
        if self._fault:
            raise TransportError("full") if self._fault == "send" else RuntimeError("a bug")
        if value.startswith(LARGE):
            raise InvalidRecord("too large")
        self._buffer.append((value, on_delivered))

    def flush(self, timeout_s: float) -> None:
        self.flushed += 1
        self._next("", "flush", "flush_large", "silent")
        buffer, self._buffer = self._buffer, []
        kept = buffer[: len(buffer) // 2] if self._fault else buffer
        for value, on_delivered in kept:
            self.acknowledged.append(value)
            if on_delivered is not None:
                on_delivered()
        if self._fault in ("flush", "flush_large"):
            raise TransportError("not acknowledged") if self._fault == "flush" else InvalidRecord("too large")

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def _next(self, *kinds: Fault) -> None:
        self._fault = self.faults.pop(0) if self.faults and self.faults[0] in kinds else ""


def publish(faulty: Faulty, *requests: Sequence[bytes]) -> list[MmdigitError | None]:
    """The error of each request; all wait before the first is published."""

    async def run() -> list[MmdigitError | None]:
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        try:
            records = [[Outgoing(None, value) for value in values] for values in requests]
            results = await asyncio.gather(*(publisher.publish(each) for each in records), return_exceptions=True)
        finally:
            await asyncio.to_thread(publisher.close)
        assert all(result is None or isinstance(result, MmdigitError) for result in results), results
        return [result if isinstance(result, MmdigitError) else None for result in results]

    return asyncio.run(run())


def test_requests_that_wait_together_are_flushed_together() -> None:
    faulty = Faulty()

    async def run() -> None:
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        faulty.gate.clear()
        first = asyncio.create_task(publisher.publish([Outgoing(None, b"0")]))
        await eventually(lambda: faulty.opened)
        more = [asyncio.create_task(publisher.publish([Outgoing(None, b"%d" % n)])) for n in range(1, 100)]
        await eventually(lambda: publisher.waiting == 99)
        faulty.gate.set()
        await asyncio.gather(first, *more)
        publisher.close()

    asyncio.run(run())
    assert faulty.flushed == 2
    assert sorted(map(int, faulty.acknowledged)) == list(range(100))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("open", TransportError),
        ("topic", TopicError),
        ("send", TransportError),
        ("flush", TransportError),
        ("silent", TransportError),
        ("flush_large", InvalidRecord),
        ("bug", TransportError),
    ],
)
def test_request_fails_as_its_publisher_does(fault: Fault, error: type[MmdigitError]) -> None:
    faulty = Faulty([fault])
    assert [type(each) for each in publish(faulty, [b"a"])] == [error]


@pytest.mark.parametrize("fault", ["open", "topic", "send", "flush", "silent", "bug"])
def test_publisher_recovers_from_a_fault(fault: Fault) -> None:
    async def run() -> None:
        faulty = Faulty([fault])
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        with pytest.raises(MmdigitError):
            await publisher.publish([Outgoing(None, b"a")])
        await publisher.publish([Outgoing(None, b"a")])
        assert publisher.waiting_for == ""
        assert faulty.acknowledged == [b"a"]
        publisher.close()

    asyncio.run(run())


def test_large_record_fails_its_own_request_alone() -> None:
    faulty = Faulty()
    errors = publish(faulty, [b"a"], [b"b", LARGE], [b"c"])
    assert [type(error) for error in errors] == [type(None), InvalidRecord, type(None)]
    assert {b"a", b"c"} <= set(faulty.acknowledged)


def test_record_that_the_broker_refuses_fails_alone() -> None:
    """The publisher says so of the whole batch, in which any record may be the one."""

    async def run() -> None:
        faulty = Faulty(["", "flush_large", "", "flush_large"])
        faulty.gate.clear()
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        first = asyncio.create_task(publisher.publish([Outgoing(None, b"first")]))
        await eventually(lambda: faulty.opened)
        batch = [asyncio.create_task(publisher.publish([Outgoing(None, value)])) for value in (b"a", b"b", b"c")]
        await eventually(lambda: publisher.waiting == 3)
        faulty.gate.set()
        await first
        results = await asyncio.gather(*batch, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), type(None), InvalidRecord]
        assert faulty.acknowledged == [b"first", b"a", b"b"]
        assert publisher.waiting_for == ""
        publisher.close()

    asyncio.run(run())


@given(
    requests=st.lists(st.lists(st.sampled_from([b"a", b"bb", LARGE]), min_size=1, max_size=3), min_size=1, max_size=6),
    faults=st.lists(st.sampled_from(["open", "topic", "send", "flush", "flush_large", "silent", "bug"]), max_size=4),
)
def test_every_request_is_settled_once_and_truthfully(requests: list[list[bytes]], faults: list[Fault]) -> None:
    named = [[value + b" %d" % number for value in values] for number, values in enumerate(requests)]
    faulty = Faulty(faults)
    for values, error in zip(named, publish(faulty, *named), strict=True):
        if error is None:
            assert set(values) <= set(faulty.acknowledged)
        elif not faults:
            assert isinstance(error, InvalidRecord)
            assert any(value.startswith(LARGE) for value in values)


def test_no_records_are_no_request() -> None:
    faulty = Faulty()
    assert publish(faulty, []) == [None]
    assert faulty.opened == 0


def test_waiting_records_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first request of any size is taken; what comes then must fit."""

    async def run() -> None:
        faulty = Faulty()
        faulty.gate.clear()
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        first = asyncio.create_task(publisher.publish([Outgoing(None, b"a")]))
        await eventually(lambda: faulty.opened)
        second = asyncio.create_task(publisher.publish([Outgoing(None, b"a")] * MAX_WAITING_RECORDS))
        await eventually(lambda: publisher.waiting == MAX_WAITING_RECORDS)
        with pytest.raises(TransportError, match="send later"):
            await publisher.publish([Outgoing(None, b"a")])
        monkeypatch.setattr(publishing, "MAX_WAITING_RECORDS", 2 * MAX_WAITING_RECORDS)
        monkeypatch.setattr(publishing, "MAX_WAITING_BYTES", MAX_WAITING_RECORDS)
        with pytest.raises(TransportError, match="send later"):
            await publisher.publish([Outgoing(None, b"a")])
        faulty.gate.set()
        await asyncio.gather(first, second)
        publisher.close()
        with pytest.raises(TransportError):
            await publisher.publish([Outgoing(None, b"a")])

    asyncio.run(run())


def test_caller_that_has_gone_does_not_matter() -> None:
    async def run() -> None:
        faulty = Faulty()
        faulty.gate.clear()
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        gone = asyncio.create_task(publisher.publish([Outgoing(None, b"a")]))
        await eventually(lambda: faulty.opened)
        gone.cancel()
        faulty.gate.set()
        await publisher.publish([Outgoing(None, b"b")])
        publisher.close()
        assert faulty.acknowledged == [b"a", b"b"]

    asyncio.run(run())


@pytest.mark.parametrize("fault", ["open", "topic"])
def test_look_notices_a_topic_that_is_away(fault: Fault) -> None:
    async def run() -> None:
        faulty = Faulty([fault])
        publisher = BatchPublisher(faulty.open, asyncio.get_running_loop())
        publisher.look()
        assert publisher.waiting_for
        publisher.look()
        assert publisher.waiting_for == ""
        await publisher.publish([Outgoing(None, b"a")])
        opened = faulty.opened
        publisher.look()  # a request has just shown how it is
        assert faulty.opened == opened
        publisher.close()

    asyncio.run(run())


def test_published_records_are_on_the_topic_and_counted(tmp_path: Path) -> None:
    url, metrics = f"sqlite:///{tmp_path / 'queue.db'}", GatewayMetrics()

    async def run() -> None:
        publisher = BatchPublisher(partial(open_publisher, url), asyncio.get_running_loop(), metrics)
        requests = [[Outgoing(b"k", b"%d" % n, {"h": b"1"}), Outgoing(None, b"x")] for n in range(20)]
        await asyncio.gather(*(publisher.publish(records) for records in requests))
        publisher.close()

    asyncio.run(run())
    with open_consumer(url, group="g") as consumer:
        records = consumer.poll(100, 5)
    assert sorted(int(record.value) for record in records if record.key == b"k") == list(range(20))
    assert len(records) == 40
    assert metrics.registry.get_sample_value("mmdigit_gateway_jobs_published_total") == 40
    assert metrics.registry.get_sample_value("mmdigit_gateway_publish_seconds_count") == 20
    assert metrics.registry.get_sample_value("mmdigit_gateway_topic_errors_total") == 0


def test_topic_errors_are_counted() -> None:
    async def run() -> float | None:
        metrics = GatewayMetrics()
        publisher = BatchPublisher(Faulty(["open"]).open, asyncio.get_running_loop(), metrics)
        with pytest.raises(TransportError):
            await publisher.publish([Outgoing(None, b"a")])
        publisher.close()
        return metrics.registry.get_sample_value("mmdigit_gateway_topic_errors_total")

    assert asyncio.run(run()) == 1
