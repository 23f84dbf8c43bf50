"""Problems: every error of the API as application/problem+json, without what the caller must not see."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest
from fastapi import Request
from fastapi.responses import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from mmdigit.gateway import problems
from mmdigit.gateway.problems import REFUSAL, Problem, not_found, too_large
from schemas.errors import AccessError, InvalidImage, SettingsError, StoreError, TopicError, TransportError

Handler = Callable[[Request, Exception], Awaitable[Response]]


def request() -> Request:
    return Request(
        {
            "type": "http",
            "method": "PUT",
            "path": "/v1/\x1bjobs",
            "query_string": b"",
            "headers": [],
            "server": ("h", 80),
            "scheme": "http",
        }
    )


def handled(handler: Handler, error: Exception) -> Response:
    return asyncio.run(handler(request(), error))  # type: ignore[arg-type]


def details(response: Response) -> dict[str, object]:
    assert response.media_type == "application/problem+json"
    said = json.loads(bytes(response.body))
    assert set(said) == {"type", "title", "status", "detail"}
    assert (said["type"], said["status"]) == ("about:blank", response.status_code)
    assert said["title"] == HTTPStatus(response.status_code).phrase
    return dict(said)


def test_problem_keeps_its_status_and_headers() -> None:
    scope = request()
    error = Problem(HTTPStatus.TOO_MANY_REQUESTS, "expected less", {"Retry-After": "3"}, refusal="backlog")
    response = asyncio.run(problems.of_problem(scope, error))
    assert details(response)["detail"] == "expected less"
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert scope.scope[REFUSAL] == "backlog"


@given(st.text(max_size=3000))
def test_detail_is_bounded_and_printable(text: str) -> None:
    detail = details(Problem(HTTPStatus.BAD_REQUEST, text).response())["detail"]
    assert isinstance(detail, str)
    assert len(detail) <= 1003
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (TransportError("kafka-1.internal:9092 is away"), "topic of jobs"),
        (TopicError("no mmdigit.jobs at kafka-1.internal"), "topic of jobs"),
        (StoreError("redis-1.internal is away"), "store"),
        (AccessError("redis-1.internal refuses"), "service"),
        (SettingsError("internal"), "service"),
    ],
)
def test_service_that_is_away_is_503_and_only_logged(
    error: Exception, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = handled(problems.of_unavailable, error)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    detail = str(details(response)["detail"])
    assert place in detail
    assert "internal" not in detail
    assert [vars(record)["error"] for record in caplog.records] == [str(error)]


def test_other_errors_keep_their_status() -> None:
    assert handled(problems.of_invalid, InvalidImage("expected an image")).status_code == 422
    http = handled(problems.of_http, HTTPException(405, headers={"Allow": "GET"}))
    assert (http.status_code, http.headers["allow"]) == (405, "GET")
    assert str(details(http)["detail"]).startswith("expected GET, got PUT /v1/")
    unknown = handled(problems.of_http, HTTPException(404))
    assert str(details(unknown)["detail"]).startswith("expected an operation of the API, got PUT /v1/")
    assert "see /openapi.json, or docs/use/api.md" in str(details(unknown)["detail"])
    assert "secret" not in str(details(handled(problems.of_unexpected, RuntimeError("secret"))))
    assert (too_large(5).status, not_found("expected a group").status) == (413, 404)
