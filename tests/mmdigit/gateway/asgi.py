"""A gateway on SQLite files in the test's own event loop, and a stand-in for the worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from lab.kit.polling import until
from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.access.rates import OpenStreams, Rates
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.app import build_app
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.services import Services
from mmdigit.gateway.serving.guard import Guard, body_limit
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_consumer, open_publisher, open_store
from schemas.job import Job
from schemas.wire import decode_job
from tests.factories import make_dead_letter, make_prediction

MAX_BATCH_BYTES = 8 * 1024 * 1024
T = TypeVar("T")


@dataclass
class Api:
    """A gateway, and what stands behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    services: Services
    metrics: GatewayMetrics
    store: PredictionStore
    folder: Path

    def jobs(self) -> list[Job]:
        """Every job on the topic so far, in order, doubles too."""
        with open_consumer(jobs_url(self.folder), group="test") as consumer:
            found: list[Job] = []
            while records := consumer.poll(1000, 0.05):
                found += [decode_job(record.value) for record in records]
            return found

    def work(self, *, dead: bool = False) -> None:
        """Give each job of the topic an outcome."""
        for job in self.jobs():
            names = {"job_id": job.job_id, "group": job.group}
            if dead:
                self.store.put_dead_letters([make_dead_letter().model_copy(update=names)])
            else:
                self.store.put([make_prediction().model_copy(update=names)])

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"mmdigit_gateway_{name}", labels)


def jobs_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'jobs.db'}"


def store_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


@asynccontextmanager
async def api(folder: Path, **more: Any) -> AsyncIterator[Api]:
    """more: other arguments of Services."""
    loop, metrics = asyncio.get_running_loop(), GatewayMetrics()
    with ExitStack() as stack:
        publisher = BatchPublisher(partial(open_publisher, jobs_url(folder)), loop, metrics)
        stack.callback(publisher.close)
        feed = AnswerFeed(partial(open_store, store_url(folder)), loop, metrics=metrics)
        stack.callback(feed.close)
        reader = StoreReader(partial(open_store, store_url(folder)), metrics)
        stack.callback(reader.close)
        registry = stack.enter_context(open_registry(f"sqlite:///{folder / 'gateway.db'}"))
        arguments: dict[str, Any] = {
            "entrance": Entrance(None, Rates(1000, 1000), OpenStreams(100, 1000)),
            "max_backlog_s": 60.0,
            "max_batch_bytes": MAX_BATCH_BYTES,
        } | more
        services = Services(publisher, feed, reader, Backlog(), registry, **arguments)
        app = build_app(services)
        guard = Guard(app, (), body_limit(services.max_batch_bytes), metrics)
        store = stack.enter_context(open_store(store_url(folder)))
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", timeout=60) as client:
            yield Api(app, client, services, metrics, store, folder)


def with_api(folder: Path, test: Callable[[Api], Awaitable[T]], **more: Any) -> T:
    """What the test returns."""

    async def run() -> T:
        async with api(folder, **more) as opened:
            return await test(opened)

    return asyncio.run(run())


async def eventually(look: Callable[[], object]) -> None:
    """Return once look() is true, while the loop goes on."""
    await asyncio.to_thread(until, look, "the condition", pause_s=0.005)
