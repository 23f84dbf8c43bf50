"""The gateway's server with any application, in a thread of this process, and clients that are sockets."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from lab.kit.polling import until
from mmdigit.gateway.command import uvicorn_loop
from mmdigit.gateway.metrics import Closing
from mmdigit.gateway.serving.connections import Connections, Patience
from mmdigit.gateway.serving.server import Server

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@dataclass
class Serving:
    """A server that is running. closed: how many connections it closed early, by reason."""

    port: int
    connections: Connections
    closed: Counter[Closing] = field(default_factory=Counter)

    def connect(self, content: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(content)
        return client

    def ask(self, content: bytes = REQUEST) -> bytes:
        """All that the server answers until it has closed, or has sent one whole response."""
        with self.connect(content) as client:
            return answer(client)


def answer(client: socket.socket) -> bytes:
    """One response with a Content-Length, or all until the end."""
    received = b""
    while True:
        head, end, body = received.partition(b"\r\n\r\n")
        if end and b"content-length: " in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(body) >= length:
                return received
        chunk = client.recv(65536)
        if not chunk:
            return received
        received += chunk


def has_ended(client: socket.socket) -> bool:
    """Whether the server has closed the connection; what it sent before is dropped."""
    client.settimeout(0.001)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def serving(app: ASGIApp, *, limit: int = 4096, patience: Patience | None = None) -> Iterator[Serving]:
    """The server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    closed: Counter[Closing] = Counter()

    def count(reason: Closing) -> None:
        closed[reason] += 1

    connections = Connections(limit, count, patience)
    server = Server(app, connections, lambda: None)
    server.config.timeout_graceful_shutdown = 1
    with uvicorn_loop() as runner:
        thread = threading.Thread(target=runner.run, args=(server.run_until_stopped(listener),), name="server")
        thread.start()
        try:
            until(lambda: server.started, "a server")
            yield Serving(listener.getsockname()[1], connections, closed)
        finally:
            server.should_exit = True
            thread.join()
