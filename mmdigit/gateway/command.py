"""`python -m mmdigit.gateway`: the gateway from its settings to its end."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial

from mmdigit.forms.loading import load_template
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.access.issuer_keys import IssuerKeys
from mmdigit.gateway.access.oidc import OidcVerifier
from mmdigit.gateway.access.rates import OpenStreams, Rates
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.app import build_app
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.open_work import Sample
from mmdigit.gateway.services import Services
from mmdigit.gateway.serving.connections import Connections, room_for
from mmdigit.gateway.serving.guard import Guard, body_limit
from mmdigit.gateway.serving.server import Server
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.gateway.webhooks import Webhooks
from mmdigit.settings.redaction import redact
from mmdigit.telemetry.health import HealthServer
from mmdigit.telemetry.http_server import listen
from mmdigit.telemetry.logs import configure as configure_logs
from mmdigit.transport.ports import PredictionStore, Publisher
from mmdigit.transport.urls import open_publisher, open_store
from schemas import VERSION
from schemas.errors import MmdigitError, RetriableError

log = logging.getLogger(__name__)

BACKLOG_EVERY_S = 1.0
READY_EVERY_S = 10.0
"""How often store and topic are looked for while nobody uses them, so that readiness tells that one is away."""


def run_gateway(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; open requests are answered first."""
    settings = GatewaySettings.load(argv)
    configure_logs(settings.log_level, as_json=settings.json_logs)
    with uvicorn_loop() as runner:
        runner.run(_serve(settings))
    return 0


def uvicorn_loop() -> asyncio.Runner:
    """A runner of the faster event loop."""
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(settings: GatewaySettings) -> None:
    loop = asyncio.get_running_loop()
    access = settings.access
    publisher_of_jobs = partial(open_publisher, settings.jobs_url, access=access)
    store = partial(open_store, settings.store_url, access=access)
    checks: tuple[Callable[[], Publisher | PredictionStore], ...] = (publisher_of_jobs, store)
    for check in checks:  # wrong settings end the program; what is only away is tried again
        try:
            (await asyncio.to_thread(check)).close()
        except RetriableError as error:
            log.warning("starting without it", extra={"error": str(error)})
    with ExitStack() as stack:
        metrics = GatewayMetrics()
        publisher = BatchPublisher(publisher_of_jobs, loop, metrics)
        stack.callback(publisher.close)
        feed = AnswerFeed(store, loop, metrics=metrics)
        stack.callback(feed.close)
        reader = StoreReader(store, metrics)
        stack.callback(reader.close)
        backlog = Backlog()
        registry = stack.enter_context(open_registry(settings.database_url, settings.gateway_database_password))
        entrance = _entrance(settings, registry)
        services = Services(
            publisher,
            feed,
            reader,
            backlog,
            registry,
            entrance,
            settings.max_backlog_s,
            settings.max_batch_bytes,
            _open_forms(settings, registry, loop, metrics, stack),
            frozenset(host.lower() for host in settings.webhook_hosts),
            settings.grafana_url,
        )
        guard = Guard(
            build_app(services),
            {_in_url(settings.host), *settings.allowed_hosts},
            body_limit(settings.max_batch_bytes),
            metrics,
        )
        connections = Connections(
            room_for(settings.max_connections), lambda reason: metrics.connections_closed.labels(reason).inc()
        )
        metrics.build_info.labels(VERSION).set(1)
        metrics.waiting_records.set_function(lambda: publisher.waiting)
        metrics.waiters.set_function(lambda: feed.waiters)
        metrics.connections.set_function(lambda: len(connections))
        metrics.backlog_s.set_function(lambda: backlog.seconds)
        health = services.health
        metrics.ready.set_function(lambda: float(health.ready().ok))
        monitoring = HealthServer(
            settings.metrics_host,
            settings.metrics_port,
            metrics.registry,
            health.alive,
            health.ready,
            settings.read_token,
        )
        stack.callback(monitoring.close)
        listener = listen(settings.host, settings.port, "", "--port or --host")
        stack.callback(listener.close)

        def stop() -> None:
            log.info("stopping after the open requests", extra={"connections": len(connections)})
            services.stopping.set()
            feed.wake()

        server = Server(guard, connections, stop)
        looks: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (lambda: reader.read(backlog.look), BACKLOG_EVERY_S),
            (lambda: reader.read(lambda opened: opened.feed_end()), READY_EVERY_S),
            (lambda: asyncio.to_thread(publisher.look), READY_EVERY_S),
        ]
        gc.freeze()  # what lives until the end: each look at its 100,000 objects would stop all requests for 80 ms
        host, port = listener.getsockname()[:2]
        log.info(
            "ready to serve",
            extra={
                "version": VERSION,
                "api": f"http://{_in_url(host)}:{port}",
                "metrics": f"http://{_in_url(settings.metrics_host)}:{monitoring.port}/metrics",
                "jobs": redact(settings.jobs_url),
                "store": redact(settings.store_url),
                "login": "token" if settings.needs_login else "none",
            },
        )
        watching = [asyncio.create_task(_watch(look, every_s)) for look, every_s in looks]
        if services.webhook_hosts and (secret := settings.signing_secret) is not None:
            watching.append(asyncio.create_task(Webhooks(services, services.webhook_hosts, secret, metrics).run()))
        server.stop_on_signals()
        await server.run_until_stopped(listener)
        for task in watching:
            task.cancel()
    log.info("stopped")


def _open_forms(
    settings: GatewaySettings,
    registry: Registry,
    loop: asyncio.AbstractEventLoop,
    metrics: GatewayMetrics,
    stack: ExitStack,
) -> Forms | None:
    if settings.pages_url is None or settings.forms_url is None:
        return None
    templates = tuple(load_template(path) for path in settings.templates)
    store = stack.enter_context(open_page_store(settings.forms_url, settings.forms_database_password))
    review = stack.enter_context(open_review_store(settings.forms_url, settings.forms_database_password))
    sample = Sample(settings.control_share, settings.control_seed)
    desk = ReviewDesk(registry, store, review, templates, sample, settings.review_lease_s)
    publisher = BatchPublisher(partial(open_publisher, settings.pages_url, access=settings.access), loop, metrics)
    stack.callback(publisher.close)
    return Forms(publisher, templates, store, stack.enter_context(Decoders()), stack.enter_context(desk))


def _entrance(settings: GatewaySettings, registry: Registry) -> Entrance:
    verifier = None
    if settings.oidc_issuer is not None and settings.oidc_audience is not None:
        keys = IssuerKeys(settings.oidc_issuer)
        verifier = OidcVerifier(keys, settings.oidc_audience, settings.oidc_tenant_claim)
    return Entrance(
        Authenticator(registry, verifier) if settings.needs_login else None,
        Rates(settings.max_requests_per_s, settings.max_requests_per_s),
        OpenStreams(settings.max_streams, settings.max_connections),
    )


async def _watch(look: Callable[[], Awaitable[object]], every_s: float) -> None:
    """Look again and again. Whoever looks keeps what fails, and readiness tells it."""
    failed = ""
    while True:
        await asyncio.sleep(every_s)
        try:
            await look()
        except MmdigitError as error:
            if not failed:
                log.warning("a service fails, trying again", extra={"error": str(error)})
            failed = str(error)
        else:
            failed = ""


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
