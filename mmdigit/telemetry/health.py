"""Serves /metrics, /healthz and /readyz on one port."""

import hmac
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from pydantic import SecretStr

from mmdigit.telemetry.http_server import HttpServer, Response


class Status(NamedTuple):
    """Whether a check passes, and a one-line explanation."""

    ok: bool
    message: str


Check = Callable[[], Status]


class Unavailable(Exception):  # noqa: N818  a state, not an error
    """A collector cannot say its metrics now; str() says why. A scrape gets 503, so that it counts as failed."""


class HealthServer(HttpServer):
    """Responds from its own thread, so that it can report a stuck loop."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        alive: Check,
        ready: Check,
        token: SecretStr | None = None,
    ) -> None:
        """Raises as HttpServer.

        token: /metrics requires it as `Authorization: Bearer TOKEN`. The checks need no token, because orchestrators
        have none and the checks reveal only the state.
        """
        handlers = {
            "/metrics": partial(_metrics, registry, token),
            "/healthz": partial(_check, alive),
            "/readyz": partial(_check, ready),
        }
        super().__init__(host, port, handlers)


def _metrics(registry: CollectorRegistry, token: SecretStr | None, authorization: str) -> Response:
    if token is not None:
        # Headers arrive as Latin-1. The comparison takes constant time.
        sent, expected = authorization.encode("latin-1"), f"Bearer {token.get_secret_value()}".encode()
        if not hmac.compare_digest(sent, expected):
            challenge = (("WWW-Authenticate", "Bearer"),)
            return Response(HTTPStatus.UNAUTHORIZED, b"expected Authorization: Bearer TOKEN\n", headers=challenge)
    try:
        return Response(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)
    except Unavailable as reason:
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{reason}\n".encode())


def _check(check: Check, authorization: str) -> Response:
    status = check()
    return Response(HTTPStatus.OK if status.ok else HTTPStatus.SERVICE_UNAVAILABLE, f"{status.message}\n".encode())
