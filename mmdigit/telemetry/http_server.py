"""A small HTTP server for GET and HEAD on a few paths, with bounded time and memory for any client.

A request has REQUEST_TIMEOUT_S from the connection to the last byte of its response. Above MAX_CONNECTIONS, the server
drops the oldest connection, so that idle connections cannot block a client that sends its request at once.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from schemas.errors import SettingsError

REQUEST_TIMEOUT_S = 5.0
MAX_REQUEST_BYTES = 8192
"""Request line and headers together."""
MAX_CONNECTIONS = 256
TEXT = "text/plain; charset=utf-8"

_ACCEPTED_AT_ONCE = 64  # before the oldest are dropped
_BACKLOG = 1024  # queued by the kernel; clients retry a rejected connection after a second
_MAX_BODY_BYTES = 64 * 1024  # an unexpected body is read and discarded, so that the client receives the response

log = logging.getLogger(__name__)


class Response(NamedTuple):
    """A response to GET. HEAD omits the body."""

    code: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[str], Response]
"""Handles one path. Takes the request's Authorization header, empty if absent; must not block."""


def listen(host: str, port: int, what: str, flags: str) -> socket.socket:
    """A socket that listens; port 0 picks a free one. what, flags: for the error, as " for metrics".

    Raises SettingsError if it cannot listen on the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as exc:
        raise SettingsError(f"expected to listen on {host}:{port}{what}, got {exc}; set {flags}") from exc


class HttpServer:
    """Serves requests from its own thread until closed."""

    def __init__(
        self, host: str, port: int, handlers: Mapping[str, Handler], *, request_timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        """Start listening. Port 0 picks a free port. Raises SettingsError if it cannot listen on the address."""
        self._socket = listen(host, port, " for metrics", "--metrics-port or --metrics-host")
        self._handlers = handlers
        self._request_timeout_s = request_timeout_s
        self._open: dict[asyncio.StreamWriter, None] = {}  # the oldest first
        self._closing = asyncio.Event()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._loop.set_exception_handler(_ignore)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop listening and drop open connections."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self._connected, sock=self._socket, limit=MAX_REQUEST_BYTES, backlog=_ACCEPTED_AT_ONCE
        )
        self._socket.listen(_BACKLOG)  # asyncio has set it to _ACCEPTED_AT_ONCE
        await self._closing.wait()
        server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(self._request_timeout_s):
                writer.transport.set_write_buffer_limits(0)  # so that drain waits for the last byte
                writer.write(await self._response(reader))
                await writer.drain()
                writer.write_eof()
                for _ in range(_MAX_BODY_BYTES // MAX_REQUEST_BYTES):
                    if not await reader.read(MAX_REQUEST_BYTES):
                        break
        except (OSError, EOFError):  # timeout or disconnect: ignore it
            pass
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        try:
            method, path, authorization = await _request(reader)
        except _BadRequest as error:
            return _encode(Response(error.code, f"{error.code.phrase}\n".encode()))
        if method not in ("GET", "HEAD"):
            allow = (("Allow", "GET, HEAD"),)
            return _encode(Response(HTTPStatus.METHOD_NOT_ALLOWED, b"expected GET or HEAD\n", headers=allow))
        handler = self._handlers.get(path)
        if handler is None:
            return _encode(
                Response(HTTPStatus.NOT_FOUND, f"expected {_any_of(list(self._handlers))}\n".encode()), method
            )
        try:
            response = handler(authorization)
        except Exception:
            log.exception("an HTTP handler failed; please report it", extra={"path": path})
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"internal error; see the log\n")
        return _encode(response, method)


class _BadRequest(Exception):  # noqa: N818  the client's fault
    def __init__(self, code: HTTPStatus) -> None:
        self.code = code


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, str]:
    """Method, path without query, and Authorization header. Raises EOFError if the client disconnects."""
    lines: list[str] = []
    size = 0
    while True:
        try:
            line = await reader.readline()
        except ValueError:  # longer than the reader's limit
            raise _BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
        size += len(line)
        if size > MAX_REQUEST_BYTES:
            raise _BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if not line.endswith(b"\n"):
            raise EOFError
        if not line.strip(b"\r\n"):
            break
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    words = lines[0].split(" ") if lines else []
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _BadRequest(HTTPStatus.BAD_REQUEST)
    authorization = ""
    for name, _, value in (line.partition(":") for line in lines[1:]):
        if name.lower() == "authorization":
            authorization = value.strip()
    return words[0], words[1].partition("?")[0], authorization


def _encode(response: Response, method: str = "GET") -> bytes:
    headers = (
        ("Server", "mmdigit"),
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(response.body))),
        ("Connection", "close"),
        *response.headers,
    )
    head = f"HTTP/1.1 {response.code.value} {response.code.phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("latin-1") + b"\r\n" + (b"" if method == "HEAD" else response.body)


def _any_of(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Ignore asyncio's reports of broken connections and of a temporary lack of file descriptors."""
