"""The principal of a request, as an operation asks for it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from mmdigit.gateway.access.principal import SCOPES, Principal, Scope
from mmdigit.gateway.problems import Problem

Authenticate = Callable[[Request], Awaitable[Principal]]
"""The principal of a request. Raises Problem (401)."""


def require(scope: Scope) -> Authenticate:
    """A dependency: the principal, which has this scope. Raises Problem: 401 without a valid token, 403 without it."""

    async def principal_of(request: Request) -> Principal:
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if scope not in principal.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, f"expected a token with the scope {scope}, got one without; ask for it")
        return principal

    return principal_of


LOOPBACK = Principal("", SCOPES, "loopback")
"""Everybody on this machine, where no login is needed."""

Submitter = Annotated[Principal, Depends(require("submit"))]
Reader = Annotated[Principal, Depends(require("read"))]


async def nobody_logs_in(_request: Request) -> Principal:
    """The principal where no login is needed."""
    return LOOPBACK
