"""Requests to other servers: over HTTPS, bounded in time and bytes, without redirects."""

import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from threading import Timer
from urllib.parse import urlsplit

from schemas.errors import IssuerError
from schemas.printable import printable

MAX_BYTES = 256 * 1024
TIMEOUT_S = 5.0
"""For connecting, and again for the whole answer."""


@dataclass(frozen=True)
class Address:
    """Where a URL leads. port: None = the scheme's. path: with the query."""

    is_https: bool
    host: str
    port: int | None
    path: str

    @property
    def is_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(url: str, *, allow_loopback: bool) -> Address:
    """Where an https URL leads; allow_loopback: also http, to this machine alone.

    Raises ValueError, whose message completes "expected".
    """
    wanted = "an https URL" + (", or an http one of this machine" if allow_loopback else "")
    refused = ValueError(f"{wanted}, got {printable(url, 200)!r}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refused from None
    if not url.isascii() or not url.isprintable() or " " in url or not parts.hostname or parts.username is not None:
        raise refused
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    address = Address(parts.scheme == "https", parts.hostname, port, path)
    if not address.is_https and not (allow_loopback and parts.scheme == "http" and address.is_loopback):
        raise refused
    return address


def fetch_object(address: Address, timeout_s: float = TIMEOUT_S) -> dict[str, object]:
    """The JSON object at an address. It blocks for at most 2 timeout_s, and the time that resolving the name takes.

    Raises IssuerError.
    """
    expected = f"expected a JSON object at {address.host}{printable(address.path, 200)}"
    try:
        status, body = exchange(address, "GET", {"Accept": "application/json"}, None, MAX_BYTES, timeout_s)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: reading a TLS socket that was shut down
        reason = printable(str(error), 200) or type(error).__name__
        raise IssuerError(f"{expected}, got: {reason}; check that it runs and can be reached") from error
    if status != 200 or len(body) > MAX_BYTES:
        got = f"status {status}" if status != 200 else f"more than {MAX_BYTES} bytes"
        raise IssuerError(f"{expected}, got {got}; check the issuer's URL")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise IssuerError(f"{expected}, got another format; check the issuer's URL") from error
    if not isinstance(found, dict):
        raise IssuerError(f"{expected}, got another value; check the issuer's URL")
    return found


def exchange(
    address: Address, method: str, headers: Mapping[str, str], body: bytes | None, max_bytes: int, timeout_s: float
) -> tuple[int, bytes]:
    """Status and at most max_bytes + 1 bytes of the answer. It blocks as fetch_object does, and follows no redirect.

    The system's authorities, or those of SSL_CERT_FILE, are trusted. Raises OSError, HTTPException or ValueError.
    """
    connection = (
        HTTPSConnection(address.host, address.port, timeout=timeout_s, context=ssl.create_default_context())
        if address.is_https
        else HTTPConnection(address.host, address.port, timeout=timeout_s)
    )
    with closing(connection):
        connection.connect()
        line: socket.socket = connection.sock
        late: list[bool] = []

        def cut() -> None:
            # A server that sends a byte now and then would never run into the timeout of a single read.
            late.append(True)
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # not SSLSocket's, which also takes the TLS state away

        timer = Timer(timeout_s, cut)
        timer.daemon = True
        timer.start()
        try:
            connection.request(method, address.path, body, {**headers, "Connection": "close"})
            with connection.getresponse() as answer:
                status, content = answer.status, answer.read(max_bytes + 1)
        except (OSError, HTTPException, ValueError):
            if late:
                raise TimeoutError(f"no whole answer in {timeout_s:g} s") from None
            raise
        finally:
            timer.cancel()
        if late:
            raise TimeoutError(f"no whole answer in {timeout_s:g} s")
        return status, content
