"""Server: uvicorn with the gateway's protocol, which ends in order on SIGTERM or SIGINT."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from mmdigit.gateway.serving.connections import Connections
from mmdigit.gateway.serving.protocol import BoundedProtocol

DRAIN_S = 20
"""For open requests, once the program is told to stop."""
ACCEPT_BACKLOG = 1024
SEND_BUFFER_BYTES = 128 * 1024
"""The kernel's buffer of a connection for what its client has not read. By itself it grows to 4 MiB, and a thousand
event streams that nobody reads would take 4 GB."""


class Server(uvicorn.Server):
    """Serves until it is told to stop: then it accepts no more, answers open requests, and ends event streams."""

    def __init__(self, app: ASGIApp, connections: Connections, on_stop: Callable[[], object]) -> None:
        """on_stop: called once it is told to stop, before it waits for open requests."""
        self._connections = connections
        self._on_stop = on_stop
        super().__init__(
            uvicorn.Config(
                app,
                http=cast("Any", partial(BoundedProtocol, all_connections=connections)),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=connections.patience.idle_s,
                timeout_graceful_shutdown=DRAIN_S,
                backlog=ACCEPT_BACKLOG,
            )
        )

    async def run_until_stopped(self, listener: socket.socket) -> None:
        """Serve on the listener, which is closed at the end."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # its connections inherit that
        sweeping = asyncio.create_task(self._connections.keep_sweeping())
        try:
            await self.serve([listener])
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)

    def stop_on_signals(self) -> None:
        """Stop on SIGTERM or SIGINT; on a second SIGINT, at once. For the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: uvicorn's own raises the signal again at the end, so that the process would not exit with 0."""
        yield
