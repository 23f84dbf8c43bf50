"""Answers of the API as messages; its errors and those of httpx as one ApiError."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from schemas.api import ProblemDetails
from schemas.errors import ApiError
from schemas.printable import printable
from schemas.validation import validation_lines

M = TypeVar("M", bound=BaseModel)
_MAX_TEXT = 1000
_MAX_RETRY_AFTER_S = 3600.0


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error in an answer of status 400 or more; a proxy's answer is no problem+json."""
    try:
        details = ProblemDetails.model_validate_json(body)
        title, detail = details.title, details.detail
    except ValidationError:
        title = _phrase(status)
        said = printable(body[:200].decode(errors="replace"), 200) or "nothing"
        detail = f"expected an answer of the API, got {said}; check the address"
    return ApiError(status, printable(title, _MAX_TEXT), printable(detail, _MAX_TEXT), _retry_after_s(headers))


@contextmanager
def mapped_errors(url: str) -> Iterator[None]:
    """Raises ApiError, without a status, for every error of httpx."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        said = printable(str(error), _MAX_TEXT) or type(error).__name__
        raise ApiError(
            None, type(error).__name__, f"expected an answer from {printable(url, 200)}, got {said}; check its address"
        ) from error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds alone: the API sends no dates."""
    text = headers.get("retry-after", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() and len(text) < 10 else None


def parsed(kind: type[M], content: bytes) -> M:
    """The message that an answer holds. Raises ApiError if it is none."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise no_answer(validation_lines(error)) from error


def no_answer(what: str) -> ApiError:
    """The error of an answer that is none. what: that came instead."""
    return ApiError(200, "Invalid answer", f"expected an answer of the API, got {what}; check the address")
