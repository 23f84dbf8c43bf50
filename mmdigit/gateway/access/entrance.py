"""Entrance: who makes a request, whether they may, and whether they ask for too much."""

import asyncio
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from fastapi import Request

from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.principal import SCOPES, Principal, Scope
from mmdigit.gateway.access.rates import OpenStreams, Rates
from mmdigit.gateway.problems import Problem
from schemas.errors import AccessDenied

log = logging.getLogger(__name__)

PRINCIPAL = "mmdigit.principal"
"""The key in a request's scope of who makes it."""
LOOPBACK = Principal("", SCOPES, "loopback")
"""Everybody on this machine, where no login is needed."""


class Entrance:
    """Every operation passes it. For the event loop's thread."""

    def __init__(self, authenticator: Authenticator | None, rates: Rates, streams: OpenStreams) -> None:
        """authenticator: None where no login is needed; then there is no limit of requests a second either."""
        self._authenticator = authenticator
        self._rates = rates
        self._streams = streams

    async def admit(self, request: Request, scope: Scope) -> Principal:
        """The request's principal.

        Raises Problem: 401 without a valid token, 403 without the scope, 429 for too many requests; IssuerError or
        StoreError if who it is cannot be known now.
        """
        if self._authenticator is None:
            principal = LOOPBACK
        else:
            principal = await self._principal(self._authenticator, request.headers.get("authorization", ""))
        request.scope[PRINCIPAL] = principal
        if self._authenticator is not None and (wait_s := self._rates.take(principal.subject)):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "expected fewer requests a second with this token, got more; send this one later",
                {"Retry-After": str(math.ceil(wait_s))},
                refusal="rate",
            )
        if scope not in principal.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, f"expected a token with the scope {scope}, got one without; ask for it")
        return principal

    @contextmanager
    def stream(self, principal: Principal) -> Iterator[None]:
        """Around an open stream of events. Raises Problem (429) if the principal has too many."""
        if not self._streams.enter(principal.subject):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "expected fewer open streams, got as many as this token may have; close one first",
                {"Retry-After": "1"},
                refusal="rate",
            )
        try:
            yield
        finally:
            self._streams.leave(principal.subject)

    async def _principal(self, authenticator: Authenticator, header: str) -> Principal:
        try:
            known = authenticator.known(header)
            if known is not None:
                return known
            return await asyncio.to_thread(authenticator.authenticate, header)
        except AccessDenied as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, str(error), {"WWW-Authenticate": "Bearer"}) from error
