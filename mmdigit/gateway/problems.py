"""Errors of the API as application/problem+json (RFC 9457)."""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from mmdigit.gateway.metrics import Refusal
from schemas.api import ProblemDetails
from schemas.printable import printable

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
REFUSAL = "mmdigit.refusal"
"""The key in a request's scope of why it was refused."""
RETRY_AFTER_S = 5
_MAX_DETAIL = 1000


class Problem(Exception):  # noqa: N818  the standard's word
    """An error for the caller: "expected X, got Y; do Z"."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        refusal: Refusal | None = None,
    ) -> None:
        """refusal: what the metrics count, where it does not follow from the status."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.refusal = refusal

    def response(self) -> Response:
        """The error as a response."""
        details = ProblemDetails(
            title=self.status.phrase, status=self.status.value, detail=printable(self.detail, _MAX_DETAIL)
        )
        return Response(details.model_dump_json(), self.status.value, self.headers, PROBLEM)


def too_large(limit_bytes: int) -> Problem:
    """413: the body exceeds its limit."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"expected a body of at most {limit_bytes} bytes, got a larger one; send less at once",
    )


def unexpected() -> Problem:
    """500: a bug in the gateway."""
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "expected an answer, got an error inside the gateway; its log has the reason, please report it",
    )


def not_found(what: str) -> Problem:
    """404. what: what is missing, and why it may be."""
    return Problem(HTTPStatus.NOT_FOUND, what)


async def of_problem(request: Request, error: Exception) -> Response:
    """Handler of Problem."""
    problem = cast(Problem, error)
    request.scope[REFUSAL] = problem.refusal
    return problem.response()


async def of_http(request: Request, error: Exception) -> Response:
    """Handler of what the framework raises: an unknown path, a method that the path does not have, a body of JSON that
    breaks a limit of Python."""
    refused = cast(HTTPException, error)
    if refused.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI makes of a body that json cannot read
        return Problem(
            HTTPStatus.BAD_REQUEST, f"expected a body of JSON, got {_unreadable(refused.__cause__)}; change it"
        ).response()
    allowed = (refused.headers or {}).get("Allow")
    got = f"{printable(request.method, 20)} {printable(request.url.path, 200)}"
    return Problem(
        HTTPStatus(refused.status_code),
        f"expected {allowed or 'an operation of the API'}, got {got}; see /openapi.json, or docs/use/api.md of mmdigit",
        refused.headers,
    ).response()


def _unreadable(cause: BaseException | None) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return "one that is not in UTF-8"
    if isinstance(cause, RecursionError):
        return "one that is nested too deeply"
    return "a number of too many digits" if isinstance(cause, ValueError) else "one that cannot be read"


async def of_unexpected(_request: Request, _error: Exception) -> Response:
    """Handler of every other error. The guard writes it to the log."""
    return unexpected().response()


async def of_disconnect(_request: Request, _error: Exception) -> Response:
    """Handler of ClientDisconnect: nobody sees this answer."""
    return Problem(
        HTTPStatus.BAD_REQUEST, "expected a whole body, got the end of its connection; send it again"
    ).response()


async def of_unavailable(_request: Request, error: Exception) -> Response:
    """Handler of RetriableError and SettingsError: the broker, the store or the database is away or misconfigured."""
    log.warning("a service fails", extra={"error": str(error)})
    # The message names hosts of the deployment, which are not the caller's business; the log has it.
    what = type(error).__name__.removesuffix("Error").lower()
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"expected an answer from the {_PLACES.get(what, 'service behind it')}, got none; send the request again later",
        {"Retry-After": str(RETRY_AFTER_S)},
    ).response()


async def of_os_error(request: Request, error: Exception) -> Response:
    """Handler of OSError: a full disk ends by itself."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return await (of_unavailable if full else of_unexpected)(request, error)


async def of_invalid(_request: Request, error: Exception) -> Response:
    """Handler of InvalidJob: a job or page that can never succeed."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)).response()


_PLACES = {"transport": "topic of jobs", "topic": "topic of jobs", "store": "store"}
