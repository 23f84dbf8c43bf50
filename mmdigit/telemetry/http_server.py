"""A port that answers GET and HEAD on a few paths; it stays small, and open to others, whoever connects to it.

A request has REQUEST_TIMEOUT_S from the connection to the last byte of its answer. Where more than MAX_CONNECTIONS are
open, the oldest is dropped: a client that asks at once is answered between any number that do not.
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
_QUEUED = 1024  # by the kernel, until they are accepted: a connection more is tried again by its client a second later
_MAX_BODY_BYTES = 64 * 1024  # of a request that should have none: read and thrown away, lest its answer be lost

log = logging.getLogger(__name__)


class Response(NamedTuple):
    """An answer to GET. To HEAD its body is left out."""

    code: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[str], Response]
"""Makes the answer of one path. Gets the request's Authorization header, empty without one; must not wait."""


class HttpServer:
    """Answers from a thread of its own, until it is closed."""

    def __init__(
        self, host: str, port: int, handlers: Mapping[str, Handler], *, request_timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        """Listens at once. Raises SettingsError if the address cannot be listened on; port 0 takes a free one."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_QUEUED)
        except (OSError, OverflowError, UnicodeError) as exc:
            raise SettingsError(
                f"expected to listen on {host}:{port} for metrics, got {exc}; set --metrics-port or --metrics-host"
            ) from exc
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
        """Stop listening and drop what is open."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self._connected, sock=self._socket, limit=MAX_REQUEST_BYTES, backlog=_ACCEPTED_AT_ONCE
        )
        self._socket.listen(_QUEUED)  # asyncio has set it to how many it accepts at once
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
        except (OSError, EOFError):  # the time is over, or the client hung up, which is no news
            pass
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        try:
            method, path, authorization = await _request(reader)
        except _Refused as refused:
            return _encode(Response(refused.code, f"{refused.code.phrase}\n".encode()))
        if method not in ("GET", "HEAD"):
            allow = (("Allow", "GET, HEAD"),)
            return _encode(Response(HTTPStatus.METHOD_NOT_ALLOWED, b"expected GET or HEAD\n", headers=allow))
        page = self._handlers.get(path)
        if page is None:
            return _encode(
                Response(HTTPStatus.NOT_FOUND, f"expected {_any_of(list(self._handlers))}\n".encode()), method
            )
        try:
            answer = page(authorization)
        except Exception:
            log.exception("a page cannot be made; please report it", extra={"page": path})
            answer = Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"this page cannot be made; the log says why\n")
        return _encode(answer, method)


class _Refused(Exception):  # noqa: N818  an answer, and no fault of ours
    def __init__(self, code: HTTPStatus) -> None:
        self.code = code


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, str]:
    """Method, path without its query, and the Authorization header. Raises EOFError if the client stops midway."""
    lines: list[str] = []
    size = 0
    while True:
        try:
            line = await reader.readline()
        except ValueError:  # longer than the reader's limit
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
        size += len(line)
        if size > MAX_REQUEST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if not line.endswith(b"\n"):
            raise EOFError
        if not line.strip(b"\r\n"):
            break
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    words = lines[0].split(" ") if lines else []
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    authorization = ""
    for name, _, value in (line.partition(":") for line in lines[1:]):
        if name.lower() == "authorization":
            authorization = value.strip()
    return words[0], words[1].partition("?")[0], authorization


def _encode(answer: Response, method: str = "GET") -> bytes:
    headers = (
        ("Server", "mmdigit"),
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Connection", "close"),
        *answer.headers,
    )
    head = f"HTTP/1.1 {answer.code.value} {answer.code.phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("latin-1") + b"\r\n" + (b"" if method == "HEAD" else answer.body)


def _any_of(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """asyncio tells here of connections that end oddly, and of descriptors that are short for a while."""
