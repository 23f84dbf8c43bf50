"""StoreReader on a real store, and on one that fails."""

import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest

from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.reading import THREADS, StoreReader
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError
from schemas.prediction import Prediction
from tests.factories import make_prediction


def _get(name: str, store: PredictionStore) -> Prediction | None:
    return store.get([name])[0]


def test_many_reads_share_a_few_stores(tmp_path: Path) -> None:
    opened: list[PredictionStore] = []

    def open_one() -> PredictionStore:
        opened.append(open_store(f"sqlite:///{tmp_path / 'store.db'}"))
        return opened[-1]

    async def run() -> None:
        reader = StoreReader(open_one)
        with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
            store.put([make_prediction(number) for number in range(50)])
        reads = [reader.read(partial(_get, f"job-{number}")) for number in range(50)]
        assert await asyncio.gather(*reads) == [make_prediction(number) for number in range(50)]
        reader.close()

    asyncio.run(run())
    assert 1 <= len(opened) <= THREADS


@pytest.mark.parametrize(
    ("error", "away"), [(StoreError("away"), True), (AccessError("refused"), True), (SettingsError("position"), False)]
)
def test_failed_read_is_told_and_the_next_one_works(tmp_path: Path, error: MmdigitError, away: bool) -> None:
    """An error of the call alone, such as an invalid position, says nothing about the store."""
    metrics = GatewayMetrics()
    reader = StoreReader(partial(open_store, f"sqlite:///{tmp_path / 'store.db'}"), metrics)

    def fail(_store: PredictionStore) -> None:
        raise error

    async def run() -> None:
        with pytest.raises(type(error)):
            await reader.read(fail)
        assert bool(reader.waiting_for) is away
        assert await reader.read(lambda store: store.get(["a"])) == [None]
        assert reader.waiting_for == ""
        reader.close()

    asyncio.run(run())
    assert metrics.registry.get_sample_value("mmdigit_gateway_store_errors_total") == away


def test_failing_store_is_tried_by_one_call_at_a_time(tmp_path: Path) -> None:
    reader = StoreReader(partial(open_store, f"sqlite:///{tmp_path / 'store.db'}"))
    tried, answer = threading.Event(), threading.Event()

    def fail(_store: PredictionStore) -> None:
        raise StoreError("away")

    def slow(store: PredictionStore) -> str:
        tried.set()
        assert answer.wait(60)
        return store.feed_end()

    async def run() -> None:
        with pytest.raises(StoreError):
            await reader.read(fail)
        first = asyncio.create_task(reader.read(slow))
        await asyncio.to_thread(tried.wait)
        for _ in range(2 * THREADS):
            with pytest.raises(StoreError, match="away"):
                await reader.read(slow)
        answer.set()
        assert await first == await reader.read(slow) == ""
        reader.close()

    asyncio.run(run())


def test_store_that_cannot_be_opened_is_opened_again(tmp_path: Path) -> None:
    errors: list[MmdigitError] = [StoreError("away"), SettingsError("no store")]

    def open_one() -> PredictionStore:
        if errors:
            raise errors.pop(0)
        return open_store(f"sqlite:///{tmp_path / 'store.db'}")

    async def run() -> None:
        reader = StoreReader(open_one)
        for error in list(errors):
            with pytest.raises(type(error)):
                await reader.read(lambda store: store.feed_end())
            assert reader.waiting_for == str(error)
        await reader.read(lambda store: store.feed_end())
        assert reader.waiting_for == ""
        reader.close()

    asyncio.run(run())
