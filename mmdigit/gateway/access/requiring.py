"""The principal of a request, as an operation asks for it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.access.principal import Principal, Scope


def require(scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency: the principal, which has this scope. Raises as Entrance.admit."""

    async def principal_of(request: Request) -> Principal:
        entrance: Entrance = request.app.state.entrance
        return await entrance.admit(request, scope)

    return principal_of


Submitter = Annotated[Principal, Depends(require("submit"))]
Reader = Annotated[Principal, Depends(require("read"))]
Reviewer = Annotated[Principal, Depends(require("review"))]
