"""A small HTTP/1.1 client for load: keeps connections open, and costs tens of microseconds a request.

async with HttpClient(address) as client:
    answer = await client.send(request("POST", "/v1/jobs", body, {"Content-Type": "application/json"}))
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, cast

import httptools

Address = tuple[str, int]
"""Host and port."""


class Answer(NamedTuple):
    """A whole response."""

    status: int
    body: bytes


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a request with a Content-Length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class HttpClient(AbstractAsyncContextManager["HttpClient"]):
    """Sends each request on an idle connection, or on a new one if there is none."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def send(self, message: bytes) -> Answer:
        """The response. Raises OSError if the connection fails; the request may have arrived."""
        while self._idle and not self._idle[-1].open:  # the server has closed it meanwhile
            self._all.discard(self._idle.pop())
        connection = self._idle.pop() if self._idle else await self._opened()
        try:
            answer = await connection.exchange(message)
        except BaseException:
            self._all.discard(connection)
            connection.close()
            raise
        if connection.open:
            self._idle.append(connection)
        else:
            self._all.discard(connection)
        return answer

    async def __aexit__(self, *exc_info: object) -> None:
        for connection in self._all:
            connection.close()

    async def _opened(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, *self._address)
        self._all.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.open = False
        self._answered: asyncio.Future[Answer] | None = None
        self._chunks: list[bytes] = []

    async def exchange(self, message: bytes) -> Answer:
        if not self.open:
            raise ConnectionError("expected an open connection, got a closed one")
        self._answered = asyncio.get_running_loop().create_future()
        self._chunks = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(message)
        return await self._answered

    def close(self) -> None:
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # of a TCP connection
        self.open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(str(error)))

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._fail(ConnectionError(f"expected a response, got a closed connection ({error})"))

    def on_body(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        self.open = self.open and self._parser.should_keep_alive()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(Answer(self._parser.get_status_code(), b"".join(self._chunks)))

    def _fail(self, error: ConnectionError) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
