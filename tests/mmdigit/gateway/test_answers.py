"""AnswerFeed on a real store that other threads write to."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from mmdigit.gateway.answers import AnswerFeed, Outcome
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, MmdigitError, StoreError
from tests.factories import make_dead_letter, make_prediction
from tests.mmdigit.gateway.asgi import eventually


def with_feed(folder: Path, test: Callable[[AnswerFeed, PredictionStore], Awaitable[None]]) -> None:
    """The store is the writer's own connection."""
    opening = partial(open_store, f"sqlite:///{folder / 'store.db'}")

    async def run() -> None:
        feed = AnswerFeed(opening, asyncio.get_running_loop())
        try:
            with opening() as store:
                await test(feed, store)
        finally:
            await asyncio.to_thread(feed.close)

    asyncio.run(run())


@pytest.mark.parametrize("new", [True, False])
def test_prediction_reaches_its_waiter(tmp_path: Path, new: bool) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        with feed.waiting("job-1", new=new) as waiter, feed.waiting("job-2", new=new) as other:
            assert feed.waiters == 2
            store.put([make_prediction(1)])
            assert await waiter.outcome(60) == make_prediction(1)
            assert await other.outcome(0) is None
        assert feed.waiters == 0

    with_feed(tmp_path, test)


@pytest.mark.parametrize("dead", [False, True])
def test_outcome_from_before_reaches_its_waiter(tmp_path: Path, dead: bool) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        if dead:
            store.put_dead_letters([make_dead_letter(1)])
        else:
            store.put([make_prediction(1)])
        expected: Outcome = "invalid_image" if dead else make_prediction(1)
        for _ in range(2):  # once before the feed is followed, and once while it is
            with feed.waiting("job-1") as waiter:
                assert await waiter.outcome(60) == expected

    with_feed(tmp_path, test)


def test_dead_letter_reaches_its_waiter(tmp_path: Path) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        with feed.waiting("job-1", new=True) as waiter:
            assert await waiter.outcome(0.01) is None
            store.put_dead_letters([make_dead_letter(1)])
            assert await waiter.outcome(60) == "invalid_image"

    with_feed(tmp_path, test)


def test_every_waiter_of_a_job_gets_its_outcome(tmp_path: Path) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        with feed.waiting("job-1") as first:
            with feed.waiting("job-1") as second:
                assert await second.outcome(0.01) is None
            assert feed.waiters == 1
            with feed.waiting("job-1") as third:
                store.put([make_prediction(1)])
                assert await first.outcome(60) == await third.outcome(60) == make_prediction(1)

    with_feed(tmp_path, test)


def test_a_thousand_waiters_are_answered(tmp_path: Path) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        async def wait(number: int) -> Outcome | None:
            with feed.waiting(f"job-{number}", new=number % 2 == 0) as waiter:
                return await waiter.outcome(60)

        waits = [asyncio.create_task(wait(number)) for number in range(1000)]
        await eventually(lambda: feed.waiters == 1000)
        for start in range(0, 1000, 100):
            await asyncio.to_thread(store.put, [make_prediction(number) for number in range(start, start + 100)])
        answers = await asyncio.gather(*waits)
        assert answers == [make_prediction(number) for number in range(1000)]

    with_feed(tmp_path, test)


def test_listeners_of_a_group_are_woken(tmp_path: Path) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        with feed.listening("a") as first, feed.listening("a") as second, feed.listening("b") as other:
            for event in (first, second, other):  # once, since something may have come before
                await asyncio.wait_for(event.wait(), 60)
                event.clear()
            store.put([make_prediction(1, group="a"), make_prediction(2, group=None)])
            await asyncio.wait_for(asyncio.gather(first.wait(), second.wait()), 60)
            assert not other.is_set()
            feed.wake()
            assert other.is_set()

    with_feed(tmp_path, test)


def test_outcome_that_comes_while_the_store_opens_is_seen(tmp_path: Path) -> None:
    """Also that of a new job."""
    opening, may_open = threading.Event(), threading.Event()

    def slow() -> PredictionStore:
        opening.set()
        may_open.wait(60)
        return open_store(f"sqlite:///{tmp_path / 'store.db'}")

    async def run() -> None:
        feed = AnswerFeed(slow, asyncio.get_running_loop())
        with feed.waiting("job-0", new=True):
            await asyncio.to_thread(opening.wait, 60)
            with feed.waiting("job-1", new=True) as waiter:
                with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
                    store.put([make_prediction(1)])
                may_open.set()
                assert await waiter.outcome(20) == make_prediction(1)
        await asyncio.to_thread(feed.close)

    asyncio.run(run())


class Failing:
    """Opens the store, but fails first."""

    def __init__(self, folder: Path, errors: list[MmdigitError]) -> None:
        self._folder = folder
        self.errors = errors

    def __call__(self) -> PredictionStore:
        if self.errors:
            raise self.errors.pop(0)
        return open_store(f"sqlite:///{self._folder / 'store.db'}")


@pytest.mark.parametrize("error", [StoreError("away"), AccessError("refused")])
def test_feed_recovers_from_a_store_that_fails(tmp_path: Path, error: MmdigitError) -> None:
    async def run() -> None:
        metrics = GatewayMetrics()
        feed = AnswerFeed(Failing(tmp_path, [error]), asyncio.get_running_loop(), metrics=metrics)
        with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store, feed.waiting("job-1") as waiter:
            await eventually(lambda: feed.waiting_for)
            store.put([make_prediction(1)])
            assert await waiter.outcome(60) == make_prediction(1)
            assert feed.waiting_for == ""
        assert metrics.registry.get_sample_value("mmdigit_gateway_store_errors_total") == 1
        await asyncio.to_thread(feed.close)

    asyncio.run(run())


def test_failure_is_forgotten_once_nobody_waits(tmp_path: Path) -> None:
    """Else a gateway that gets no requests because it is not ready would never be."""

    async def run() -> None:
        feed = AnswerFeed(Failing(tmp_path, [StoreError("away")] * 1000), asyncio.get_running_loop())
        with feed.waiting("job-1"):
            await eventually(lambda: feed.waiting_for)
        await eventually(lambda: not feed.waiting_for)
        await asyncio.to_thread(feed.close)

    asyncio.run(run())


def test_feed_ends_while_somebody_waits(tmp_path: Path) -> None:
    async def run() -> None:
        feed = AnswerFeed(partial(open_store, f"sqlite:///{tmp_path / 'store.db'}"), asyncio.get_running_loop())
        with feed.waiting("job-1") as waiter:
            await asyncio.to_thread(feed.close)
            assert await waiter.outcome(0) is None

    asyncio.run(run())


def test_observer_gets_what_is_new_once(tmp_path: Path) -> None:
    async def test(feed: AnswerFeed, store: PredictionStore) -> None:
        store.put([make_prediction(1)])
        seen: list[str] = []
        with feed.observing(lambda predictions: seen.extend(each.job_id for each in predictions)):
            with feed.waiting("job-1") as waiter:  # the feed is followed once it has looked
                await waiter.outcome(60)
            for number in (2, 3):
                with feed.waiting(f"job-{number}", new=True) as waiter:
                    await asyncio.to_thread(store.put, [make_prediction(number, group="h")])
                    await waiter.outcome(60)
        await asyncio.to_thread(store.put, [make_prediction(4)])
        with feed.waiting("job-4") as waiter:
            await waiter.outcome(60)
        assert seen == ["job-2", "job-3"]

    with_feed(tmp_path, test)
