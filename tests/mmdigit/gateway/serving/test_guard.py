"""Guard: hosts, origins, sizes, headers, unexpected errors, and what it counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from mmdigit.gateway import problems
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.serving.guard import MAX_OTHER_BYTES, Guard, body_limit
from mmdigit.gateway.serving.headers import SECURITY_HEADERS
from schemas.job import MAX_RECORD_BYTES

HOSTS = {"0.0.0.0", "api.example.com"}  # noqa: S104


def _app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(problems.Problem, problems.of_problem)
    app.add_exception_handler(Exception, problems.of_unexpected)

    @app.api_route("/v1/jobs/{name}", methods=["GET", "POST", "DELETE"])
    async def size(name: str, request: Request) -> int:
        return len(await request.body())

    @app.post("/v1/jobs")
    @app.post("/v1/batches")
    async def swallow(request: Request) -> int:
        try:
            return len(await request.body())
        except Exception:
            return -1

    @app.get("/page")
    async def page() -> HTMLResponse:
        return HTMLResponse(
            "<p>", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"}
        )

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @app.get("/bug/{name}")
    async def bug(name: str) -> None:
        raise RuntimeError("secret of /srv/data")

    @app.get("/gone")
    async def gone() -> None:
        raise ClientDisconnect

    @app.get("/healthz")
    async def healthz() -> str:
        return "alive"

    @app.get("/busy")
    async def busy() -> None:
        raise problems.Problem(HTTPStatus.TOO_MANY_REQUESTS, "expected room, got none", refusal="backlog")

    return app


class Guarded:
    """An application behind the guard, without a server."""

    def __init__(self) -> None:
        self.metrics = GatewayMetrics()
        guard = Guard(_app(), HOSTS, body_limit(MAX_RECORD_BYTES + 1), self.metrics)
        self._transport = httpx.ASGITransport(guard)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost:8000") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def refused(self, reason: str) -> float | None:
        return self.metrics.registry.get_sample_value("mmdigit_gateway_refused_total", {"reason": reason})

    def counted(self, operation: str, method: str, status: str) -> float | None:
        labels = {"operation": operation, "method": method, "status": status}
        return self.metrics.registry.get_sample_value("mmdigit_gateway_requests_total", labels)


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:1",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "0.0.0.0:80",
        "API.example.com",
    ],
)
def test_own_hosts_are_answered(guarded: Guarded, host: str) -> None:
    assert guarded.ask("GET", "/v1/jobs/a", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.com", "localhost.evil.com", "evil.com:8000", "10.0.0.1", "::1", "[::1", "a@localhost"),
        *("localhost:8000:1", "localhost, evil.com", "\xff", "localhost."),
    ],
)
def test_other_hosts_get_421(guarded: Guarded, host: str) -> None:
    answer = guarded.ask("GET", "/v1/jobs/a", headers={"Host": host.encode("latin-1")})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")
    assert answer.json()["detail"].isprintable()
    assert guarded.refused("host") == 1
    assert guarded.ask("GET", "/healthz", headers={"Host": host.encode("latin-1")}).status_code == 200


def test_two_hosts_get_421(guarded: Guarded) -> None:
    headers = [("Host", "localhost"), ("Host", "localhost")]
    assert guarded.ask("GET", "/v1/jobs/a", headers=headers).status_code == 421


OTHER_SITES = [
    {"Origin": "http://evil.com"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "http://localhost"},
    {"Origin": "file://localhost:8000"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Anything", "Origin": "http://localhost:8000"},
]
OWN_PAGE = [
    {},
    {"Origin": "http://localhost:8000"},
    {"Origin": "https://localhost:8000", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("headers", OTHER_SITES)
def test_other_sites_change_nothing(guarded: Guarded, method: str, headers: dict[str, str]) -> None:
    answer = guarded.ask(method, "/v1/jobs/a", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert guarded.refused("origin") == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("headers", OWN_PAGE)
def test_own_page_and_programs_change_things(guarded: Guarded, method: str, headers: dict[str, str]) -> None:
    assert guarded.ask(method, "/v1/jobs/a", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [*OTHER_SITES, *OWN_PAGE])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_other_site_reads_an_answer(guarded: Guarded, method: str, headers: dict[str, str]) -> None:
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    answer = guarded.ask(method, "/v1/jobs/a", headers=asked)
    assert answer.status_code == (200 if method == "GET" else 405)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/jobs/a"), ("GET", "/none"), ("PUT", "/page"), ("GET", "/bug/a")]
)
def test_every_answer_has_the_security_headers(guarded: Guarded, method: str, path: str) -> None:
    headers = guarded.ask(method, path).headers.raw
    for header in SECURITY_HEADERS:
        assert headers.count(header) == 1
    assert not [name for name, _ in headers if name == b"strict-transport-security"]


def test_page_states_its_own_policy(guarded: Guarded) -> None:
    headers = guarded.ask("GET", "/page").headers
    assert headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert headers.get_list("cache-control") == ["no-cache"]
    assert headers["x-content-type-options"] == "nosniff"


LIMITS = {"/v1/jobs": MAX_RECORD_BYTES, "/v1/batches": MAX_RECORD_BYTES + 1, "/v1/jobs/a": MAX_OTHER_BYTES}


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", LIMITS)
def test_body_is_bounded_whatever_the_operation_does(guarded: Guarded, path: str, announced: bool) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65536):
            yield bytes(min(65536, size - start))

    for size in (LIMITS[path], LIMITS[path] + 1):
        answer = guarded.ask("POST", path, content=bytes(size) if announced else chunks(size))
        if size == LIMITS[path]:
            assert (answer.status_code, answer.text) == (200, str(size))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.headers["connection"] == "close"
    assert str(LIMITS[path]) in answer.json()["detail"]
    assert guarded.refused("limit") == 1


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5000, str(MAX_OTHER_BYTES + 1)])
def test_announced_length_is_bounded_at_once(guarded: Guarded, length: str) -> None:
    assert guarded.ask("POST", "/v1/jobs/a", headers={"Content-Length": length}).status_code == 413


def test_forms_take_files() -> None:
    limit = body_limit(5_000_000)
    assert (limit("/v1/forms/a/pages"), limit("/v1/forms"), limit("/v1/groups")) == (5_000_000, *[MAX_OTHER_BYTES] * 2)


def test_unexpected_error_is_logged_and_not_told(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    answer = guarded.ask("GET", "/bug/private")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    [record] = [record for record in caplog.records if record.name == "mmdigit.gateway.serving.guard"]
    assert vars(record)["operation"] == "/bug/{name}"
    assert record.exc_info is not None
    assert guarded.counted("/bug/{name}", "GET", "5xx") == 1


def test_client_that_has_gone_is_no_error(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.suppress(Exception):  # without a server, nobody answers a client that has gone
        guarded.ask("GET", "/gone")
    assert caplog.records == []


def test_requests_are_counted_without_ids(guarded: Guarded) -> None:
    guarded.ask("GET", "/v1/jobs/secret-id")
    guarded.ask("POST", "/v1/jobs?wait=1")
    guarded.ask("GET", "/any/other/path")
    guarded.ask("BREW", "/v1/jobs/secret-id")
    guarded.ask("GET", "/stream")
    guarded.ask("GET", "/busy")
    assert guarded.counted("/v1/jobs/{name}", "GET", "2xx") == 1
    assert guarded.counted("unknown", "GET", "4xx") == 1
    assert guarded.counted("/v1/jobs/{name}", "other", "4xx") == 1
    assert guarded.counted("/stream", "GET", "2xx") == 1
    assert (guarded.refused("backlog"), guarded.refused("rate")) == (1, 0)
    registry = guarded.metrics.registry
    for operation, wait, count in (("/v1/jobs", "yes", 1), ("/v1/jobs/{name}", "no", 2), ("/stream", "no", None)):
        labels = {"operation": operation, "wait": wait}
        assert registry.get_sample_value("mmdigit_gateway_request_seconds_count", labels) == count
    assert registry.get_sample_value("mmdigit_gateway_open_streams") == 0
    assert b"secret-id" not in generate_latest(registry)


@given(host=st.binary(max_size=40))
def test_no_host_breaks_the_guard(host: bytes) -> None:
    """Those that a request can have: the parser has refused control characters."""
    answered: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(0)

    async def send(message: Message) -> None:
        answered.append(message.get("status", 0))

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", host)]}
    asyncio.run(Guard(app, HOSTS, body_limit(1024), GatewayMetrics())(scope, None, send))  # type: ignore[arg-type]
    assert answered in ([421, 0], [0])
