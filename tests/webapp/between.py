"""A server between the browser and the gateway, as proxies and login pages of networks are: it may answer itself."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LOGIN_PAGE = b"<!doctype html><title>Welcome to the network</title><p>Please log in."
_OF_THE_CONNECTION = ("connection", "host", "origin", "keep-alive", "transfer-encoding", "date", "server")


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a page asks for many files at once


@dataclass(frozen=True)
class Answer:
    """What it answers itself. missing: how many bytes of the body do not come."""

    body: bytes = LOGIN_PAGE
    media_type: str = "text/html"
    missing: int = 0


@dataclass
class Between:
    """answers: by path, without a query; any other path goes to the gateway. asked: each request, such as "GET /"."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def between(gateway: str) -> Iterator[Between]:
    upstream = urlsplit(gateway).netloc

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            found.asked.append(f"{self.command} {path}")
            answer = found.answers.get(path)
            if answer is not None:
                length = len(answer.body) + answer.missing
                self._send(200, {"Content-Type": answer.media_type, "Content-Length": str(length)}, answer.body)
                return
            sent = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            connection = http.client.HTTPConnection(upstream)
            try:
                connection.request(self.command, self.path, body or None, sent)
                response = connection.getresponse()
                content = response.read()
            except OSError:
                self._send(502, {"Content-Length": "0"}, b"")
                return
            finally:
                connection.close()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _OF_THE_CONNECTION}
            self._send(response.status, headers, content)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # the browser has gone on
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        found = Between(f"http://localhost:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
