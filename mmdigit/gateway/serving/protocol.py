"""BoundedProtocol: uvicorn's HTTP protocol, with bounds on what a client may send and on how long it may take."""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from mmdigit.gateway.metrics import Closing
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.serving.connections import Connections
from mmdigit.gateway.serving.headers import raw_response

MAX_HEAD_BYTES = 16 * 1024
"""Request line and header fields; and again, trailer fields."""
MAX_PIPELINED = 16
"""Requests that wait for the answer to one before them."""
MAX_REST_BYTES = 8 * 1024 * 1024
"""What is read and dropped of a body that is answered before its end, so that the client sees the answer."""
PROGRESS_BYTES = 64 * 1024
"""A body that grew so much counts as progress where connections compete for room."""

_INVALID = raw_response(
    Problem(HTTPStatus.BAD_REQUEST, "expected a request of HTTP/1.1, got something else; see /openapi.json")
)
_UPGRADE = raw_response(
    Problem(HTTPStatus.BAD_REQUEST, "expected HTTP/1.1 without an upgrade, got one; set the client to HTTP/1.1")
)
_LARGE_HEAD = raw_response(
    Problem(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"expected request line and headers of at most {MAX_HEAD_BYTES} bytes, got more; send fewer",
    )
)


class _Refused(Exception):  # noqa: N818  the client's fault
    """Raised in a callback of the parser, which then stops."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Connections closes it if its client takes too long (mmdigit/gateway/serving/connections.py)."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        all_connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        now_s = self.loop.time()
        self._all = all_connections
        self._patience = all_connections.patience
        self._refusal = _INVALID
        self._in_head, self._in_body = True, False  # of a request that is being received
        self._began_s = self._swept_s = now_s
        self._received = self._parsed = 0  # bytes of the head, or of trailer fields
        self._body = self._body_swept = self._body_counted = 0  # bytes
        self._body_grew_s = now_s
        self._rest_since_s: float | None = None  # when a request that is still being received was answered
        self._rest = 0  # bytes
        self._ending = False
        self._written = self._flushed = 0  # bytes
        self._flushed_s = now_s

    # Of the transport:

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._cycle_transport = _CycleTransport(self, transport)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's, without a log line for what a client does wrong."""
        if self._ending:
            self._drop(len(data))
            return
        self._unset_keepalive_if_required()
        if not self._in_head and not self._in_body:
            self._begin_head()
        if self._in_head:
            self._received += len(data)  # the parser calls back only for whole fields
        try:
            self.parser.feed_data(data)
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self._refuse(_LARGE_HEAD)
        except httptools.HttpParserError:  # HttpParserUpgrade among them
            self._refuse(self._refusal)

    # Of the parser:

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:  # it follows another in the same bytes
            self._begin_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_parsed(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_parsed(len(name) + len(value) + 4)  # with ": " and the end of the line
        if self._in_head:  # trailer fields would join the head's after these have been looked at
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            # To ignore it, as HTTP allows, would be to read the body as the next request.
            self._refusal = _UPGRADE
            raise _Refused
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _Refused
        super().on_headers_complete()
        self.cycle.transport = self._cycle_transport  # type: ignore[assignment]
        self._in_head, self._in_body = False, True
        self._parsed = self._body = self._body_swept = self._body_counted = self._rest = 0
        self._began_s = self._body_grew_s = self._swept_s = self.loop.time()
        self._rest_since_s = None

    def on_body(self, body: bytes) -> None:
        if self._rest_since_s is not None:
            self._drop(len(body))
            return
        self._body += len(body)
        if self._body - self._body_counted >= PROGRESS_BYTES:
            self._body_counted = self._body
            self._all.got_on(self)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()
        if self._rest_since_s is None:
            self._all.requested(self)
        else:
            self._await_request()

    # Of the answers:

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._ending or self.pipeline or not self.cycle.response_complete:
            return
        if self._in_body:
            self._unset_keepalive_if_required()
            self._rest_since_s = self.loop.time()
        else:
            self._all.got_on(self)

    def shutdown(self) -> None:
        """As uvicorn's: close now, or after the answer."""
        super().shutdown()
        for cycle, _ in self.pipeline:
            cycle.keep_alive = False

    def write(self, content: bytes) -> None:
        """Write and count; nothing if the connection has ended, of which an operation may not know yet."""
        if not self.transport.is_closing():
            self._written += len(content)
            self.transport.write(content)

    def end(self, *, still_sending: bool) -> None:
        """Close once everything is written; if the client is still sending, when it has seen the answer.

        A socket that is closed with bytes unread resets the connection, and the client loses the answer.
        """
        if self._ending or self.transport.is_closing():
            return
        if not still_sending or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._ending = True
        self._rest_since_s = self.loop.time()
        self.pipeline.clear()
        self.flow.resume_reading()
        self.transport.write_eof()

    @property
    def is_receiving(self) -> bool:
        """Whether a request has begun and not ended."""
        return self._in_body

    # Of Connections:

    def overdue(self, now_s: float) -> Closing | None:
        """Why the client takes too long; None if it does not."""
        waited_s, self._swept_s = now_s - self._swept_s, now_s
        flushed = self._written - self.transport.get_write_buffer_size()
        if flushed > self._flushed or flushed >= self._written:
            self._flushed, self._flushed_s = flushed, now_s
        elif now_s - self._flushed_s > self._patience.reader_s:
            return "reader"
        if self._rest_since_s is not None:
            return "body" if now_s - self._rest_since_s > self._patience.rest_s else None
        if self.flow.read_paused or (self._in_body and self.cycle.waiting_for_100_continue):
            # The gateway takes its time, not the client.
            self._began_s += waited_s
            self._body_grew_s += waited_s
        if self._in_head:
            return "head" if now_s - self._began_s > self._patience.head_s else None
        return "body" if self._in_body and self._is_slow(now_s) else None

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()

    def _is_slow(self, now_s: float) -> bool:
        if self._body > self._body_swept:
            self._body_swept, self._body_grew_s = self._body, now_s
        took_s = now_s - self._began_s
        too_little = self._body < self._patience.body_bytes_per_s * took_s
        return now_s - self._body_grew_s > self._patience.body_s or (took_s > self._patience.body_s and too_little)

    def _begin_head(self) -> None:
        self._in_head = True
        self._began_s = self._swept_s = self.loop.time()
        self._received = self._parsed = 0

    def _await_request(self) -> None:
        self._rest_since_s = None
        self._all.got_on(self)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _count_parsed(self, size: int) -> None:
        self._parsed += size
        if self._parsed > MAX_HEAD_BYTES:
            self._refusal = _LARGE_HEAD
            raise _Refused

    def _drop(self, size: int) -> None:
        self._rest += size
        if self._rest > MAX_REST_BYTES:
            self._all.close(self, "body")

    def _refuse(self, response: bytes) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._all.close(self, "invalid")  # an answer is on its way, into which this one must not be written
            return
        self._all.closed("invalid")
        self.write(response)
        self.end(still_sending=True)


class _CycleTransport:
    """What an answer is written to."""

    def __init__(self, protocol: BoundedProtocol, transport: asyncio.Transport) -> None:
        self.write = protocol.write
        self.is_closing = transport.is_closing
        self._protocol = protocol

    def close(self) -> None:
        self._protocol.end(still_sending=self._protocol.is_receiving)
