"""BoundedProtocol, by clients that are slow, send too much, or do not read."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from lab.kit.polling import until
from mmdigit.gateway.serving.connections import Patience
from mmdigit.gateway.serving.protocol import MAX_HEAD_BYTES, MAX_PIPELINED, MAX_REST_BYTES
from tests.mmdigit.gateway.serving.sockets import REQUEST, Serving, answer, has_ended, serving

HASTY = Patience(head_s=0.2, body_s=0.3, reader_s=0.5, rest_s=0.3, idle_s=1)
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


async def endless() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield bytes(65536)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body, or /names with those of headers; /early before reading, /never at all."""
    size, path = 0, scope["path"]
    if path == "/never":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if path == "/stream":
        await StreamingResponse(endless())(scope, receive, send)
        return
    while path != "/early":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    content = b",".join(name for name, _ in scope["headers"]) if path == "/names" else str(size).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(app, patience=HASTY) as running:
        yield running


@pytest.fixture(scope="module")
def patient() -> Iterator[Serving]:
    with serving(app) as running:
        yield running


@pytest.mark.parametrize("content", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: h\r\n", b"\r\n"])
def test_slow_head_is_closed(server: Serving, content: bytes) -> None:
    before = server.closed["head"]
    with server.connect(content) as client:
        until(lambda: has_ended(client), "the end of a slow head")
    until(lambda: server.closed["head"] > before, "a count")


@pytest.mark.parametrize("content", [POST % 10, POST % 10 + b"123", POST % 10 + b"x" * 9])
def test_body_that_stops_is_closed(server: Serving, content: bytes) -> None:
    before = server.closed["body"]
    with server.connect(content) as client:
        until(lambda: has_ended(client), "the end of a body that stops")
    until(lambda: server.closed["body"] > before, "a count")


def test_body_that_trickles_is_closed(server: Serving) -> None:
    with server.connect(POST % 100_000) as client:

        def trickle() -> bool:
            try:
                client.sendall(b"x")
            except OSError:
                return True
            return has_ended(client)

        until(trickle, "the end of a body of a few bytes a second")


@pytest.mark.parametrize("path", [b"/stream", b"/never"])
def test_answer_that_nobody_reads_is_closed(server: Serving, path: bytes) -> None:
    """A stream that is read, or waits for something to say, stays open."""
    before = server.closed["reader"]
    idle, stalled = server.connect(b"GET /never HTTP/1.1\r\n\r\n"), server.connect(b"GET %b HTTP/1.1\r\n\r\n" % path)
    with idle, stalled:
        if path == b"/stream":
            until(lambda: server.closed["reader"] > before, "the end of a stream that nobody reads")
        assert not has_ended(idle)


def test_idle_connection_is_closed(server: Serving) -> None:
    with server.connect(REQUEST) as client:
        assert answer(client).endswith(b"\r\n\r\n0")
        until(lambda: has_ended(client), "the end of an idle connection")


@pytest.mark.parametrize(
    "content",
    [
        b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Header: value\r\n" * 1000 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"v" * 200_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + b"X: v\r\n" * 5000 + b"\r\n",
    ],
)
def test_large_head_gets_431_or_the_end(patient: Serving, content: bytes) -> None:
    with patient.connect() as client:
        client.sendall(content)
        received = answer(client)
        assert received.startswith(b"HTTP/1.1 431 ") if content.startswith(b"GET") else received == b""


def test_head_of_the_largest_size_is_read(patient: Serving) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"v" * (MAX_HEAD_BYTES - 50) + b"\r\n\r\n"
    assert patient.ask(head).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 30\r\n\r\n" + REQUEST,
        b"CONNECT a:443 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://h:x/ HTTP/1.1\r\n\r\n",
    ],
)
def test_invalid_request_gets_one_400(patient: Serving, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    received = patient.ask(content)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"\r\n\r\n") == 1
    assert b"\r\ncontent-type: application/problem+json\r\n" in received
    assert caplog.records == []


def test_trailer_fields_do_not_join_the_head(patient: Serving) -> None:
    chunked = b"POST /names HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"
    assert patient.ask(chunked).endswith(b"\r\n\r\ntransfer-encoding")


def test_pipelined_requests_are_bounded(patient: Serving) -> None:
    with patient.connect(REQUEST * MAX_PIPELINED) as client:
        received = b""
        while received.count(b"HTTP/1.1 200") < MAX_PIPELINED:
            received += client.recv(65536)
    before = patient.closed["invalid"]
    with patient.connect(b"GET /never HTTP/1.1\r\n\r\n" + REQUEST * 1000) as client:
        until(lambda: has_ended(client), "the end")
    assert patient.closed["invalid"] == before + 1


@pytest.mark.parametrize("size", [1000, 6_000_000])
def test_client_sees_an_early_answer_and_goes_on(patient: Serving, size: int) -> None:
    """The rest of the body is dropped, and no part of it is read as a request."""
    with patient.connect(b"POST /early HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size) as client:
        client.sendall((REQUEST * (size // len(REQUEST) + 1))[:size])
        assert answer(client).endswith(b"\r\n\r\n0")
        client.sendall(POST % 4 + b"body")
        assert answer(client).endswith(b"\r\n\r\n4")


def test_client_sees_an_answer_before_its_connection_ends(patient: Serving) -> None:
    with patient.connect(b"POST /early HTTP/1.1\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n") as client:
        client.sendall(bytes(4_000_000))
        assert answer(client).endswith(b"\r\n\r\n0")
        client.sendall(bytes(1_000_000))
        assert client.recv(1) == b""
    until(lambda: len(patient.connections) == 0, "the end of all connections")


def test_endless_body_after_the_answer_is_cut(patient: Serving) -> None:
    sent = 0

    def send_for_ever(client: socket.socket) -> None:
        nonlocal sent
        while True:
            sent += client.send(bytes(100_000))

    head = b"POST /early HTTP/1.1\r\nContent-Length: 90000000000\r\n\r\n"
    with patient.connect(head) as client, pytest.raises(OSError, match=r"reset|pipe"):
        send_for_ever(client)
    assert MAX_REST_BYTES < sent < 8 * MAX_REST_BYTES  # the kernel's buffers hold some


def test_body_that_goes_on_slowly_after_the_answer_is_cut(server: Serving) -> None:
    with server.connect(b"POST /early HTTP/1.1\r\nContent-Length: 1000\r\n\r\n") as client:
        assert answer(client).endswith(b"\r\n\r\n0")
        until(lambda: has_ended(client), "the end of a body that was answered")


def test_gateway_that_is_slow_is_no_fault_of_the_client() -> None:
    """A body that the application does not read yet is not slow, nor is one that it did not ask for."""
    reading = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await reading.wait()
        await app(scope, receive, send)

    with serving(slow, patience=HASTY) as running:
        large = running.connect(POST % 200_000 + bytes(199_999))
        asked = running.connect(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        stopped = running.connect(POST % 2 + b"a")
        with large, asked, stopped:
            until(lambda: has_ended(stopped), "the end of the body that stops")
            until(lambda: running.closed["body"] == 1, "a count")
            assert not has_ended(large)
            assert not has_ended(asked)


def test_normal_client_is_answered_among_thousands_of_slow_ones() -> None:
    slow = [b"", b"GET / HT", POST % 10 + b"1", REQUEST]
    stalled = b"GET /stream HTTP/1.1\r\n\r\n"
    with serving(app, limit=500) as running:
        clients: list[socket.socket] = []
        try:
            for number in range(3000):
                clients.append(running.connect(slow[number % len(slow)] if number % 50 else stalled))
                if number % 500 == 499:
                    assert running.ask().endswith(b"\r\n\r\n0")
            assert len(running.connections) <= 500
            assert running.closed["room"] >= 2000
        finally:
            for client in clients:
                client.close()
