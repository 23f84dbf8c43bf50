"""/metrics, /healthz and /readyz on one port."""

import hmac
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from pydantic import SecretStr

from schemas.errors import SettingsError

_TEXT = "text/plain; charset=utf-8"
_REQUEST_TIMEOUT_S = 5.0


class Status(NamedTuple):
    """Whether a check passes, and one line that says why or why not."""

    ok: bool
    why: str


Check = Callable[[], Status]


class HealthServer:
    """Answers on its own threads, so that it can tell that the loop is stuck."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        alive: Check,
        ready: Check,
        token: SecretStr | None = None,
    ) -> None:
        """Listens at once. Raises SettingsError if the address cannot be listened on; port 0 takes a free one.

        token: what /metrics asks for as `Authorization: Bearer TOKEN`. The checks stay open: whoever restarts a
        container has no token, and they say nothing but the state.
        """
        handler = _handler(registry, {"/healthz": alive, "/readyz": ready}, token)
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as exc:
            raise SettingsError(
                f"expected to listen on {host}:{port} for metrics and health, got {exc}; set --metrics-port"
            ) from exc
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that hangs up midway is no news."""


def _handler(
    registry: CollectorRegistry, checks: dict[str, Check], token: SecretStr | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "mmdigit"
        sys_version = ""
        timeout = _REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics" and not self._has_token():
                self._answer(HTTPStatus.UNAUTHORIZED, _TEXT, b"expected Authorization: Bearer TOKEN\n")
            elif path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))
            elif path in checks:
                status = checks[path]()
                code = HTTPStatus.OK if status.ok else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(code, _TEXT, f"{status.why}\n".encode())
            else:
                self._answer(HTTPStatus.NOT_FOUND, _TEXT, b"expected /metrics, /healthz or /readyz\n")

        def _has_token(self) -> bool:
            if token is None:
                return True
            # Headers arrive as Latin-1. The time that a comparison takes tells nothing of where it fails.
            sent = self.headers.get("Authorization", "").encode("latin-1")
            return hmac.compare_digest(sent, f"Bearer {token.get_secret_value()}".encode())

        def _answer(self, code: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            if code == HTTPStatus.UNAUTHORIZED:
                self.send_header("WWW-Authenticate", "Bearer")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Scrapes are not news."""

    return Handler
