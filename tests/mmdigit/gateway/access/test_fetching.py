"""Which addresses are fetched, and what a provider may send: little, soon, and from where it says."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
import trustme

from lab.kit.services import free_port
from mmdigit.gateway.access.fetching import MAX_BYTES, Address, fetch_object, parse_address
from schemas.errors import IssuerError
from tests.mmdigit.gateway.access.issuer import Issuer

Talk = Callable[[socket.socket, Event], None]


@contextmanager
def server(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that talks to its first client as it likes, until the block ends; yields its port."""
    ended = Event()

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as client:
            line = client if context is None else context.wrap_socket(client, server_side=True)
            line.recv(4096)
            talk(line, ended)
            line.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            ended.set()
            thread.join()


def answer(line: socket.socket, _: Event) -> None:
    line.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}')


def drip(start: bytes) -> Talk:
    """Sends start, and then a byte now and then for as long as the client listens."""

    def talk(line: socket.socket, ended: Event) -> None:
        line.sendall(start)
        while not ended.wait(0.02):
            line.sendall(b"x")

    return talk


def local(port: int, path: str = "/") -> Address:
    return Address(False, "127.0.0.1", port, path)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://login.example.com", Address(True, "login.example.com", None, "/")),
        ("https://login.example.com:8443/a/b?c=d", Address(True, "login.example.com", 8443, "/a/b?c=d")),
        ("http://localhost:8080/x", Address(False, "localhost", 8080, "/x")),
        ("http://127.0.0.1/", Address(False, "127.0.0.1", None, "/")),
        ("http://[::1]:9/", Address(False, "::1", 9, "/")),
    ],
)
def test_parse_address_takes_https_or_this_machine(url: str, address: Address) -> None:
    assert parse_address(url, allow_loopback=True) == address
    if not address.is_https:
        with pytest.raises(ValueError, match=r"^an https URL, got 'http://"):
            parse_address(url, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "http://10.0.0.1/", "http://169.254.169.254/latest", "http://localhost.example.com/"),
        *("ftp://localhost/", "file:///etc/passwd", "https://", "https:///x", "example.com", "", "https://a:b@host/"),
        *("https://host:99999/", "https://host/a b", "https://host/\r\nHost: x", "https://h\xf6st/", "http://[::1/"),
        "http://localhost@example.com/",
    ],
)
def test_parse_address_refuses_others(url: str) -> None:
    with pytest.raises(ValueError, match=r"^an https URL, or an http one of this machine, got"):
        parse_address(url, allow_loopback=True)


def test_fetch_object_answers_with_the_object(issuer: Issuer) -> None:
    issuer.answers["/a?b=c"] = 200, b'{"a": [1]}'
    assert fetch_object(parse_address(f"{issuer.url}/a?b=c", allow_loopback=True)) == {"a": [1]}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b"{}", "got status 404"),
        (302, b"{}", "got status 302"),
        (200, b"[]", "got another value"),
        (200, b"<html>", "got another format"),
        (200, b"\xff", "got another format"),
        (200, b"[" * 100_000, "got another format"),
        (200, b'{"a": "' + b"x" * MAX_BYTES + b'"}', f"got more than {MAX_BYTES} bytes"),
    ],
)
def test_fetch_object_refuses_other_answers(issuer: Issuer, status: int, body: bytes, message: str) -> None:
    issuer.answers["/x"] = status, body
    with pytest.raises(IssuerError, match=f"expected a JSON object at 127.0.0.1/x, {message}; check"):
        fetch_object(parse_address(f"{issuer.url}/x", allow_loopback=True))
    assert issuer.asked == ["/x"]  # no redirect is followed


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
)
def test_slow_server_is_cut_off(start: bytes) -> None:
    with (
        server(drip(start)) as port,
        pytest.raises(IssuerError, match=r"no whole answer in 0\.3 s; check that it runs"),
    ):
        fetch_object(local(port), timeout_s=0.3)


def test_silent_server_is_cut_off() -> None:
    def silent(_: socket.socket, ended: Event) -> None:
        ended.wait()

    with server(silent) as port, pytest.raises(IssuerError, match="got: "):
        fetch_object(local(port), timeout_s=0.3)


def test_endless_answer_is_cut_off() -> None:
    def talk(line: socket.socket, ended: Event) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not ended.is_set():
            line.sendall(b"x" * 65536)

    with server(talk) as port, pytest.raises(IssuerError, match="got more than 262144 bytes"):
        fetch_object(local(port))


@pytest.mark.parametrize("sent", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_server_that_speaks_no_http_is_told(sent: bytes) -> None:
    with server(lambda line, _: line.sendall(sent)) as port, pytest.raises(IssuerError, match="check that it runs"):
        fetch_object(local(port))


def test_server_that_is_away_is_told() -> None:
    with pytest.raises(IssuerError, match="refused; check that it runs and can be reached"):
        fetch_object(local(free_port()))


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority


def secure(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("name", "trusted", "message"),
    [
        ("localhost", True, ""),
        ("localhost", False, "self-signed|unable to get local issuer"),
        ("other", True, "mismatch"),
    ],
)
def test_certificate_is_verified(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, message: str
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with server(answer, secure(authority, name)) as port:
        address = Address(True, "localhost", port, "/")
        if message:
            with pytest.raises(IssuerError, match=message):
                fetch_object(address)
        else:
            assert fetch_object(address) == {"a": 1}


def test_slow_server_is_cut_off_over_tls(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with (
        server(drip(b"HTTP/1.1 200 OK\r\n\r\n"), secure(authority, "localhost")) as port,
        pytest.raises(IssuerError, match="no whole answer in 1 s"),
    ):
        fetch_object(Address(True, "localhost", port, "/"), timeout_s=1)
