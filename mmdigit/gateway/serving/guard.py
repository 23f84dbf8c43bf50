"""Guard: what every request passes before its operation, and every response after it."""

import logging
import time
from collections.abc import Callable, Collection
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmdigit.gateway.audit import audit
from mmdigit.gateway.metrics import UNKNOWN_PATH, GatewayMetrics, Refusal
from mmdigit.gateway.problems import REFUSAL, Problem, too_large, unexpected
from mmdigit.gateway.serving.headers import SECURITY_HEADERS
from schemas.job import MAX_RECORD_BYTES
from schemas.printable import printable

log = logging.getLogger(__name__)

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
HEALTH_PATHS = frozenset({"/healthz", "/readyz"})
MAX_OTHER_BYTES = 64 * 1024
"""Of a body of any operation that does not take files."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_ORIGIN = frozenset({b"same-origin", b"none"})
_BY_STATUS: dict[int, Refusal] = {401: "login", 413: "limit", 429: "rate"}


def body_limit(max_batch_bytes: int) -> Callable[[str], int]:
    """The largest body that a path takes, in bytes."""

    def limit(path: str) -> int:
        if path == "/v1/jobs":
            return MAX_RECORD_BYTES
        return max_batch_bytes if path == "/v1/batches" or path.startswith("/v1/forms/") else MAX_OTHER_BYTES

    return limit


class Guard:
    """ASGI middleware around the whole application.

    Refuses a Host that is not its own (421): a page whose name suddenly leads to 127.0.0.1 (DNS rebinding) gets
    nothing. Refuses what another site's page would change (403); no response allows another origin to read it.
    Counts bodies (413), so that no operation can forget it. Adds security headers. Turns unexpected exceptions into
    500 without a word of their content. Counts every request, and writes the audit log.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], limit_of: Callable[[str], int], metrics: GatewayMetrics
    ) -> None:
        """hosts: names in the Host header, without a port, besides LOCAL_HOSTS; an IPv6 address in brackets."""
        self.app = app
        self.hosts = frozenset(host.lower().encode() for host in (*hosts, *LOCAL_HOSTS))
        self.limit_of = limit_of
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, receive, send)
        try:
            refused = exchange.refuse()
            if refused is None:
                await self.app(scope, exchange.receive, exchange.send)
            else:
                scope[REFUSAL] = refused.refusal
                await refused.response()(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            pass
        except Exception:
            log.exception("an operation failed; please report it", extra={"operation": exchange.operation})
            if not exchange.status:
                await unexpected().response()(scope, exchange.receive, exchange.send)
        finally:
            exchange.count()


class _Exchange:
    """One request and its response."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self._guard = guard
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began_s = time.monotonic()
        self._limit = self._received = 0
        self._exceeded = self._replaced = self._is_stream = False
        self.status = 0

    @property
    def operation(self) -> str:
        """The template of the path: it holds no id."""
        return str(getattr(self._scope.get("route"), "path", UNKNOWN_PATH))

    def refuse(self) -> Problem | None:
        """The problem of a request that no operation may see."""
        hosts: list[bytes] = []
        origin: bytes | None = None
        site: bytes | None = None
        length = b""
        for name, value in self._scope["headers"]:
            if name == b"host":
                hosts.append(value.lower())
            elif name == b"origin":
                origin = value.lower()
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"content-length":
                length = value
        host = hosts[0] if len(hosts) == 1 else b""
        path = self._scope["path"]
        # Load balancers ask for its health by address, and the answer is the same for all.
        if _name(host) not in self._guard.hosts and path not in HEALTH_PATHS:
            return Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"expected one of the gateway's names in Host, got {printable(host.decode('latin-1'), 80) or 'none'}; "
                "use one of them, or ask its operator to allow this one (--allowed-hosts)",
                refusal="host",
            )
        if self._scope["method"] not in _SAFE and not _is_same_origin(host, origin, site):
            return Problem(
                HTTPStatus.FORBIDDEN,
                "expected a request of the gateway's own page or of a program, got one of another site's page",
                refusal="origin",
            )
        self._limit = self._guard.limit_of(path)
        if length.isdigit() and (len(length) > 18 or int(length) > self._limit):
            self._exceeded = True
            return too_large(self._limit)
        return None

    async def receive(self) -> Message:
        """As receive of ASGI. Raises Problem (413) once the body is larger than its limit."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit:
                self._exceeded = True
                raise too_large(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """As send of ASGI, with the headers of every response."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if not self._exceeded:
                await self._start(message)
                return
            self._replaced = True  # whatever the operation made of the error
            response = too_large(self._limit).response()
            response.headers["connection"] = "close"
            await self._start({**message, "status": response.status_code, "headers": response.raw_headers})
            message = {"type": "http.response.body", "body": bytes(response.body)}
        await self._send(message)

    async def _start(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        own = dict(headers)
        headers += [header for header in SECURITY_HEADERS if header[0] not in own]
        if own.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._is_stream = True
            self._guard.metrics.open_streams.inc()
        self.status = message["status"]
        await self._send({**message, "headers": headers})

    def count(self) -> None:
        """Count the request, if it was answered."""
        metrics, method = self._guard.metrics, self._scope["method"]
        if self._is_stream:
            metrics.open_streams.dec()
        if not self.status:
            return
        refusal = self._scope.get(REFUSAL) or _BY_STATUS.get(self.status)
        if refusal is not None:
            metrics.refused.labels(refusal).inc()
        seconds = None if self._is_stream else time.monotonic() - self._began_s
        wait = method == "POST" and b"wait=" in self._scope["query_string"]
        metrics.answered(self.operation, method, self.status, seconds, wait=wait)
        audit(self._scope, self.status)


def _name(host: bytes) -> bytes:
    """The host without its port."""
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() and not (name.startswith(b"[") and not name.endswith(b"]")) else host


def _is_same_origin(host: bytes, origin: bytes | None, site: bytes | None) -> bool:
    if site is not None and site not in _SAME_ORIGIN:
        return False
    return origin is None or origin in (b"http://" + host, b"https://" + host)
