"""A gateway on SQLite that answers on a real socket, in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import Request

from lab.kit.polling import until
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.template import Template
from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.access.principal import SCOPES, Principal, Scope
from mmdigit.gateway.access.rates import OpenStreams, Rates
from mmdigit.gateway.access.tokens import new_token
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.app import build_app
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.ports import Registry, Token
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.open_work import Sample
from mmdigit.gateway.services import Services
from mmdigit.gateway.serving.guard import Guard, body_limit
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_consumer, open_publisher, open_store
from schemas.job import Job
from schemas.page import Page
from schemas.wire import decode_job, decode_page

T = TypeVar("T")
LEASE_S = 300.0
"""Of claims."""


@dataclass
class Served:
    """A gateway that is running. principal: who makes every request; a test may set another."""

    url: str
    services: Services
    registry: Registry
    store: PredictionStore
    _folder: Path
    _loop: asyncio.AbstractEventLoop
    principal: Principal | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Its result, once it has run in the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)

    def token(self, tenant: str, *scopes: Scope) -> dict[str, str]:
        """The headers of a new token; of all scopes if none is named."""
        token = new_token()
        kept = Token(token.id, "test", tenant, frozenset(scopes or SCOPES), datetime.now(UTC))
        self.registry.put_token(kept, token.sha256)
        return {"Authorization": f"Bearer {token.text}"}

    def jobs(self) -> list[Job]:
        """Every job on the topic so far, in order, doubles too."""
        return [decode_job(value) for value in _values(f"sqlite:///{self._folder / 'jobs.db'}")]

    def pages(self) -> list[Page]:
        """Likewise of the topic of pages."""
        return [decode_page(value) for value in _values(pages_url(self._folder))]


def pages_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'pages.db'}?topic=pages"


def _values(url: str) -> list[bytes]:
    with open_consumer(url, group="test") as consumer:
        found: list[bytes] = []
        while records := consumer.poll(1000, 0.05):
            found += [record.value for record in records]
        return found


class _Entrance(Entrance):
    """Lets a test say who makes every request."""

    gateway: "Served | None" = None

    async def admit(self, request: Request, scope: Scope) -> Principal:
        set_by_test = None if self.gateway is None else self.gateway.principal
        return set_by_test or await super().admit(request, scope)


@contextmanager
def served(
    folder: Path,
    *,
    max_batch_bytes: int = 1 << 28,
    templates: tuple[Template, ...] = (),
    hosts: frozenset[str] = frozenset(),
    login: bool = False,
    rate_per_s: float = 1e6,
    max_streams: int = 100,
    control_share: float = 0.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Served]:
    """templates: of the forms that it takes. hosts: those of webhooks. login: whether callers need a token; see
    Served.token. control_share: of the accepted fields. clock: of claims and keys.
    """
    streams = OpenStreams(max_streams, max_streams)
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
            forms = None
            if templates:
                pages = BatchPublisher(partial(open_publisher, pages_url(folder)), loop)
                stack.callback(pages.close)
                kept = stack.enter_context(open_page_store(f"sqlite:///{folder / 'forms.db'}"))
                review = stack.enter_context(open_review_store(f"sqlite:///{folder / 'forms.db'}"))
                desk = ReviewDesk(
                    registry, kept, review, templates, Sample(control_share, 71), LEASE_S, fresh_s=0.0, now=clock
                )
                stack.enter_context(desk)
                forms = Forms(pages, templates, kept, stack.enter_context(Decoders()), desk)
            entrance = _Entrance(Authenticator(registry) if login else None, Rates(rate_per_s, rate_per_s), streams)
            services = Services(
                publisher, feed, reader, Backlog(), registry, entrance, 60.0, max_batch_bytes, forms, hosts
            )
            gateway = Served(url, services, registry, stack.enter_context(store()), folder, loop)
            entrance.gateway = gateway
            guard = Guard(build_app(services), (), body_limit(max_batch_bytes), GatewayMetrics())
            config = uvicorn.Config(guard, http="httptools", lifespan="off", log_config=None, access_log=False)
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
