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
from mmdigit.gateway.access.rates import HeldBytes, OpenStreams, Rates
from mmdigit.gateway.problems import Problem
from schemas.errors import AccessDenied, RetriableError

log = logging.getLogger(__name__)

PRINCIPAL = "mmdigit.principal"
"""The key in a request's scope of who makes it."""
MAX_HELD_BYTES = 128 * 1024 * 1024
"""Of the bodies that one token is sending at one time."""
MAX_HELD_TOGETHER = 4 * MAX_HELD_BYTES
LOOPBACK = Principal("", SCOPES, "loopback")
"""Everybody on this machine, where no login is needed."""


class Entrance:
    """Every operation passes it. For the event loop's thread."""

    def __init__(self, authenticator: Authenticator | None, rates: Rates, streams: OpenStreams) -> None:
        """authenticator: None where no login is needed; then there is no limit of requests a second either."""
        self._authenticator = authenticator
        self._rates = rates
        self._streams = streams
        self._bodies = HeldBytes(MAX_HELD_BYTES, MAX_HELD_TOGETHER)

    async def admit(self, request: Request, scope: Scope) -> Principal:
        """The request's principal.

        Raises Problem: 401 without a valid token, 403 without the scope, 429 for too many requests; IssuerError or
        StoreError if who it is cannot be known now.
        """
        if self._authenticator is None:
            principal = LOOPBACK
        else:
            principal = await self._principal(self._authenticator, request.headers.getlist("authorization"))
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

    async def is_admitted(self, request: Request, scope: Scope) -> bool:
        """Whether the request's token is still valid: a stream may outlive it. True while that cannot be known."""
        if self._authenticator is None:
            return True
        try:
            principal = await self._principal(self._authenticator, request.headers.getlist("authorization"))
        except Problem:
            return False
        except RetriableError:
            return True
        return scope in principal.scopes

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

    @contextmanager
    def receiving(self, principal: Principal, request: Request, limit_bytes: int) -> Iterator[None]:
        """Around a body that is received into memory or a temporary file. limit_bytes: its largest size.

        Raises Problem (429) if the principal is sending too much at once.
        """
        length = request.headers.get("content-length", "")
        size = min(int(length), limit_bytes) if length.isdigit() and len(length) < 19 else limit_bytes
        if not self._bodies.take(principal.subject, size):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"expected at most {MAX_HELD_BYTES} bytes on their way at once, got more; send one after the other",
                {"Retry-After": "1"},
                refusal="rate",
            )
        try:
            yield
        finally:
            self._bodies.give_back(principal.subject, size)

    async def _principal(self, authenticator: Authenticator, headers: list[str]) -> Principal:
        try:
            if len(headers) > 1:
                raise AccessDenied("expected one header Authorization, got several; send one")
            header = headers[0] if headers else ""
            known = authenticator.known(header)
            if known is not None:
                return known
            return await asyncio.to_thread(authenticator.authenticate, header)
        except AccessDenied as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, str(error), {"WWW-Authenticate": "Bearer"}) from error
