"""The HTTP server against slow, numerous or hostile clients: it still serves the others."""

import http.client
import logging
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.telemetry import http_server
from mmdigit.telemetry.http_server import MAX_CONNECTIONS, MAX_REQUEST_BYTES, HttpServer, Response
from tests.processes import running

ROOT = Path(__file__).parents[3]
REQUEST_TIMEOUT_S = 0.5
LARGE = b"x" * 50_000_000
PAGES = {
    "/a": lambda authorization: Response(HTTPStatus.OK, b"all is well\n"),
    "/b": lambda authorization: Response(HTTPStatus.SERVICE_UNAVAILABLE, authorization.encode("latin-1")),
    "/large": lambda authorization: Response(HTTPStatus.OK, LARGE),
}


@pytest.fixture
def port() -> Iterator[HttpServer]:
    with closing(HttpServer("127.0.0.1", 0, PAGES, request_timeout_s=REQUEST_TIMEOUT_S)) as port:
        yield port


def ask(port: int, path: str = "/a", method: str = "GET", body: bytes | None = None) -> tuple[int, str, bytes]:
    """Status, Allow header and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=15)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Allow", ""), answer.read()


def raw(port: int, request: bytes) -> bytes:
    """The whole response until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("path", ["/a", "/b", "/none"])
def test_head_is_get_without_a_body(port: HttpServer, path: str) -> None:
    by_method = [raw(port.port, f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()) for method in ("GET", "HEAD")]
    get, head = (answer.partition(b"\r\n\r\n") for answer in by_method)
    assert get[0] == head[0]
    assert f"Content-Length: {len(get[2])}".encode() in get[0]
    assert (bool(get[2]), head[2]) == (path != "/b", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "\x7f"])
@pytest.mark.parametrize("body", [None, b"x" * 60_000])
def test_other_methods_get_405_with_allow(port: HttpServer, method: str, body: bytes | None) -> None:
    request = f"{method} /a HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b"")
    answer = raw(port.port, request)
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer


def test_request_query_and_authorization_are_parsed(port: HttpServer) -> None:
    answer = raw(port.port, b"GET /b?verbose=1 HTTP/1.0\nAUTHORIZATION:  Bearer \xf6 \n\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"\r\n\r\nBearer \xf6")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * MAX_REQUEST_BYTES + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /a HTTP/1.1\r\n" + b"X-Header: value\r\n" * 1000 + b"\r\n", 431),
        (b"GET /a HTTP/1.1\r\nX: " + b"v" * 100_000 + b"\r\n\r\n", 431),
        (b"\r\n\r\n", 400),
        (b"\x00\xff rubbish\r\n\r\n", 400),
        (b"GET /a\r\n\r\n", 400),
        (b"GET  /a HTTP/1.1\r\n\r\n", 400),
        (b"GET /a HTTP/2\r\n\r\n", 400),
        (b"GET /a HTTP/1.1 \r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\n\xff\xfe: \x00\r\n: \r\n\r\n", 200),
        (b"GET http://h/a HTTP/1.1\r\n\r\n", 404),
        (b"GET /a/../b HTTP/1.1\r\n\r\n", 404),
        (b"GET /a%00 HTTP/1.1\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None),
        (b"", None),
        (b"GET /a HTTP/1.1\r\nHost: h\r\n", None),
    ],
)
def test_invalid_requests_leave_no_log_line(
    port: HttpServer,
    request_: bytes,
    status: int | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    try:
        answer = raw(port.port, request_)
    except ConnectionResetError:  # the rest of a request that is too long was not read
        answer = b"HTTP/1.1 431 "
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) if status else answer == b""
    assert ask(port.port)[::2] == (200, b"all is well\n")
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr() == ("", "")


def test_reset_connection_leaves_no_log_line(
    port: HttpServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for request in (b"", b"GET /a", b"GET /large HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
            client.sendall(request)
    assert ask(port.port)[0] == 200
    until(lambda: not port._open, "the connections' end")
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_slow_request_is_dropped_at_the_deadline(port: HttpServer) -> None:
    dripped = 0
    with socket.create_connection(("127.0.0.1", port.port), timeout=REQUEST_TIMEOUT_S / 20) as client:
        while True:
            try:
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                client.sendall(b"GET /a HTTP/1.1\r\nX-Slow: "[dripped : dripped + 1] or b"x")
                dripped += 1
            except ConnectionResetError:
                break
    assert 3 < dripped < 100  # kept busy all the time, but not forever
    until(lambda: not port._open, "the connection's end")


def test_unread_response_is_dropped_at_the_deadline(port: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", port.port)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        until(lambda: bool(port._open), "the connection")
        until(lambda: not port._open, "its end")


def test_endless_body_is_not_read_forever(port: HttpServer) -> None:
    def send(client: socket.socket) -> None:
        client.sendall(b"POST /a HTTP/1.1\r\n\r\n")
        while True:
            client.sendall(bytes(65536))

    with (
        socket.create_connection(("127.0.0.1", port.port), timeout=15) as client,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        send(client)


def test_failing_handler_is_a_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(authorization: str) -> Response:
        raise ZeroDivisionError

    with closing(HttpServer("127.0.0.1", 0, {"/a": fail})) as port:
        assert ask(port.port)[0] == 500
        assert ask(port.port, "/b")[::2] == (404, b"expected /a\n")
    assert "ZeroDivisionError" in caplog.text


def test_close_drops_open_connections() -> None:
    port = HttpServer("127.0.0.1", 0, PAGES)
    with socket.create_connection(("127.0.0.1", port.port), timeout=15) as client:
        until(lambda: bool(port._open), "the connection")
        port.close()
        assert client.recv(1) == b""


SERVER = """
import sys
from prometheus_client import CollectorRegistry, ProcessCollector
from mmdigit.telemetry.health import HealthServer, Status
registry = CollectorRegistry()
ProcessCollector(registry=registry)
server = HealthServer("127.0.0.1", 0, registry, lambda: Status(True, "alive"), lambda: Status(True, "ready"))
print(server.port, flush=True)
sys.stdin.read()
server.close()
"""


def test_ten_thousand_connections_leave_the_server_usable() -> None:
    """A normal client beside slow clients that hold connections open and one that keeps opening new ones."""
    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 500), hard))
    slow = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    assert slow >= 500, "raise the hard limit of open files"
    stop = threading.Event()
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = stack.enter_context(
            running([sys.executable, "-c", SERVER], cwd=ROOT, stdin=-1, stdout=-1, stderr=subprocess.STDOUT)
        )
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        process = Path(f"/proc/{server.pid}")

        def descriptors() -> int:
            return len(list((process / "fd").iterdir()))

        def peak_kib() -> int:
            [line] = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM")]
            return int(line.split()[1])

        def flood() -> None:
            while not stop.is_set():
                with socket.create_connection(("127.0.0.1", port), timeout=15) as client:
                    client.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow:")

        assert ask(port, "/metrics")[0] == 200
        before, before_kib, most = descriptors(), peak_kib(), 0
        flooding = threading.Thread(target=flood)
        flooding.start()
        stack.callback(flooding.join)
        stack.callback(stop.set)
        for number in range(slow):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=15))
            client.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: " + b"x" * 4000)
            if number % 500 == 0:
                most = max(most, descriptors())
                assert ask(port, "/healthz") == (200, "", b"alive\n")
                assert ask(port, "/metrics")[0] == 200
        for path in ("/healthz", "/readyz", "/metrics"):
            assert ask(port, path)[0] == 200
        most = max(most, descriptors())
        assert most - before <= MAX_CONNECTIONS + 4 * http_server._ACCEPTED_AT_ONCE
        assert peak_kib() - before_kib < 32 * 1024
        stop.set()
        flooding.join()
        said, _ = server.communicate("")
        assert said == ""
        assert server.returncode == 0
