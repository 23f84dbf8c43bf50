"""Errors of the API and of httpx as ApiError."""

import inspect

import httpx
import pytest

from mmdigit.client.problems import mapped_errors, problem_of
from schemas.errors import ApiError

URL = "http://127.0.0.1:1"
RAISED_BY_HTTPX = [
    kind
    for _, kind in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(kind, Exception) and not issubclass(kind, httpx.CookieConflict)
]
"""Every error that httpx exports; no cookies are sent."""


def test_problem_has_the_fields_of_the_answer() -> None:
    body = b'{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "expected a job\\n", "new": 1}'
    error = problem_of(404, {"retry-after": "1"}, body)
    assert (error.status, error.title, error.detail) == (404, "Not Found", "expected a job\\n")
    assert error.retry_after_s == 1
    assert str(error) == "expected a job\\n (404 Not Found)"


@pytest.mark.parametrize("body", [b"", b"<html>\x00" * 1000, b"[]", b'{"title": 3}', b"\xff"])
def test_answer_of_a_proxy_is_named(body: bytes) -> None:
    error = problem_of(502, {}, body)
    assert (error.status, error.title) == (502, "Bad Gateway")
    assert error.detail.startswith("expected an answer of the API, got ")
    assert error.detail.isprintable()
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("999999", 3600), ("-1", None), ("Wed, 21 Oct 2026", None), ("9" * 5000, None)]
)
def test_retry_after_is_seconds_with_a_limit(text: str, seconds: float | None) -> None:
    assert problem_of(503, {"retry-after": text}, b"").retry_after_s == seconds


def test_unknown_status_has_a_title() -> None:
    assert problem_of(599, {}, b"").title == "Unknown"


@pytest.mark.parametrize("kind", RAISED_BY_HTTPX, ids=lambda kind: kind.__name__)
def test_errors_of_httpx_are_mapped(kind: type[Exception]) -> None:
    raised = kind.__new__(kind)  # their constructors differ
    with (
        pytest.raises(ApiError, match=r"^expected an answer from http://127.0.0.1:1, got ") as mapped,
        mapped_errors(URL),
    ):
        raise raised
    assert (mapped.value.status, mapped.value.title) == (None, kind.__name__)
