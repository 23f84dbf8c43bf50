"""Server: the order of its end, and the kernel's buffer of each connection."""

import asyncio
import socket
import threading

from starlette.types import Receive, Scope, Send

from lab.kit.polling import until
from mmdigit.gateway.command import uvicorn_loop
from mmdigit.gateway.serving.connections import Connections
from mmdigit.gateway.serving.protocol import BoundedProtocol
from mmdigit.gateway.serving.server import SEND_BUFFER_BYTES, Server
from tests.mmdigit.gateway.serving.sockets import REQUEST, answer, has_ended, serving


def test_server_answers_open_requests_before_it_ends() -> None:
    """It tells that it stops while requests are open, so that those which would not end by themselves do."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()

    async def run() -> None:
        stopping = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await stopping.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
            await send({"type": "http.response.body", "body": b"end"})

        server = Server(app, Connections(16, lambda _reason: None), stopping.set)
        serve = asyncio.create_task(server.run_until_stopped(listener))
        await asyncio.to_thread(asked.wait, 60)
        server.should_exit = True
        await serve

    with uvicorn_loop() as runner, socket.create_connection(listener.getsockname(), 60) as client:
        idle = socket.create_connection(listener.getsockname(), 60)
        client.sendall(REQUEST)
        thread = threading.Thread(target=runner.run, args=(run(),))
        thread.start()
        assert answer(client).endswith(b"connection: close\r\n\r\nend")
        until(lambda: has_ended(idle), "the end of an idle connection")
        idle.close()
        thread.join()
    assert listener.fileno() == -1


def test_kernel_buffers_little_for_each_client() -> None:
    """It would give a client that does not read 4 MiB."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    with serving(app) as running, running.connect(REQUEST):
        until(lambda: len(running.connections), "a connection")
        [connection] = running.connections._open
        assert isinstance(connection, BoundedProtocol)
        kept = connection.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert SEND_BUFFER_BYTES <= kept <= 2 * SEND_BUFFER_BYTES  # Linux doubles it for its own needs
