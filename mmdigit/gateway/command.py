"""`python -m mmdigit.gateway`: the gateway from its settings to its end."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import uvicorn

from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template_file import load_template
from mmdigit.gateway.access.requiring import nobody_logs_in
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.app import build_app
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.services import Services
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.redaction import redact
from mmdigit.telemetry.logs import configure as configure_logs
from mmdigit.transport.ports import PredictionStore, Publisher
from mmdigit.transport.urls import open_publisher, open_store
from schemas import VERSION
from schemas.errors import RetriableError, SettingsError

log = logging.getLogger(__name__)

BACKLOG_EVERY_S = 1.0
DRAIN_S = 20  # for open requests, once it is told to stop


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
        publisher = BatchPublisher(publisher_of_jobs, loop)
        stack.callback(publisher.close)
        feed = AnswerFeed(store, loop)
        stack.callback(feed.close)
        reader = StoreReader(store)
        stack.callback(reader.close)
        backlog = Backlog()
        registry = stack.enter_context(open_registry(settings.database_url))
        services = Services(
            publisher,
            feed,
            reader,
            backlog,
            registry,
            settings.max_backlog_s,
            settings.max_batch_bytes,
            _open_forms(settings, loop, stack),
        )
        if settings.needs_login:
            raise SettingsError("login is not there yet")
        app = build_app(services, nobody_logs_in)
        listener = _listen(settings)
        stack.callback(listener.close)
        watching = asyncio.create_task(_watch(backlog, reader))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        host, port = listener.getsockname()[:2]
        log.info(
            "ready to serve",
            extra={
                "version": VERSION,
                "api": f"http://{f'[{host}]' if ':' in host else host}:{port}",
                "jobs": redact(settings.jobs_url),
                "store": redact(settings.store_url),
            },
        )
        await server.serve([listener])
        watching.cancel()
    log.info("stopped")


def _open_forms(settings: GatewaySettings, loop: asyncio.AbstractEventLoop, stack: ExitStack) -> Forms | None:
    if settings.pages_url is None or settings.forms_url is None:
        return None
    templates = tuple(load_template(path) for path in settings.templates)
    store = stack.enter_context(open_page_store(settings.forms_url, settings.database_password))
    publisher = BatchPublisher(partial(open_publisher, settings.pages_url, access=settings.access), loop)
    stack.callback(publisher.close)
    return Forms(publisher, templates, store, stack.enter_context(Decoders()))


async def _watch(backlog: Backlog, reader: StoreReader) -> None:
    while True:
        await asyncio.sleep(BACKLOG_EVERY_S)
        try:
            await reader.read(backlog.look)
        except RetriableError as error:
            log.warning("the store fails, trying again", extra={"error": str(error)})


def _listen(settings: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"expected to listen on {settings.host}:{settings.port}, got {error}; set --port or --host"
        ) from error
