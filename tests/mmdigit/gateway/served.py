"""A gateway on SQLite that answers on a real socket, in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from lab.kit.polling import until
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.requiring import nobody_logs_in
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.app import build_app
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.services import Services
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_consumer, open_publisher, open_store
from schemas.job import Job
from schemas.wire import decode_job


@dataclass
class Served:
    """A gateway that is running. principal: who makes every request; a test may set another."""

    url: str
    services: Services
    registry: Registry
    store: PredictionStore
    _folder: Path
    principal: Principal | None = None
    failures: list[BaseException] = field(default_factory=list)

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)

    def jobs(self) -> list[Job]:
        """Every job on the topic so far, in order, doubles too."""
        with open_consumer(f"sqlite:///{self._folder / 'jobs.db'}", group="test") as consumer:
            found: list[Job] = []
            while records := consumer.poll(1000, 0.05):
                found += [decode_job(record.value) for record in records]
            return found


@contextmanager
def served(folder: Path, *, max_batch_bytes: int = 1 << 28, **more: Any) -> Iterator[Served]:
    """more: further fields of Services."""
    listener = socket.create_server(("127.0.0.1", 0))
    ready: list[tuple[Served, uvicorn.Server]] = []
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        store = partial(open_store, f"sqlite:///{folder / 'store.db'}")
        with ExitStack() as stack:
            publisher = BatchPublisher(partial(open_publisher, f"sqlite:///{folder / 'jobs.db'}"), loop)
            stack.callback(publisher.close)
            feed = AnswerFeed(store, loop)
            stack.callback(feed.close)
            reader = StoreReader(store)
            stack.callback(reader.close)
            registry = stack.enter_context(open_registry(f"sqlite:///{folder / 'gateway.db'}"))
            services = Services(
                publisher,
                feed,
                reader,
                Backlog(),
                registry,
                max_backlog_s=60.0,
                max_batch_bytes=max_batch_bytes,
                **more,
            )
            gateway = Served(url, services, registry, stack.enter_context(store()), folder)

            async def authenticate(request: Any) -> Principal:
                return gateway.principal or await nobody_logs_in(request)

            config = uvicorn.Config(
                build_app(services, authenticate), http="httptools", lifespan="off", log_config=None, access_log=False
            )
            server = uvicorn.Server(config)
            ready.append((gateway, server))
            await server.serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="gateway")
    thread.start()
    try:
        until(lambda: bool(ready) and ready[0][1].started, "a gateway that serves")
        yield ready[0][0]
    finally:
        if ready:
            ready[0][1].should_exit = True
        thread.join()
        listener.close()
