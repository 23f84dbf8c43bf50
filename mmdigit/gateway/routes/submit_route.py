"""SubmitRoute: reads the usual parameters of a submission without FastAPI's machinery."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from mmdigit.gateway.access.requiring import require
from mmdigit.gateway.intake.ids import KEY_PATTERN, MAX_KEY_CHARACTERS
from mmdigit.gateway.services import services_of

MAX_WAIT_S = 30.0

Wait = Annotated[
    float,
    Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the outcome; without one in time, the answer is 202."),
]

_QUERY = re.compile(rb"(?:wait=([0-9]{1,2}(?:\.[0-9]{1,6})?))?")
_KEY = re.compile(KEY_PATTERN)

_principal_of = require("submit")


class SubmitRoute(APIRoute):
    """The route of an operation(request, services, principal, wait, idempotency_key).

    Leaves every unusual parameter, and its error, to FastAPI, which also writes the OpenAPI. FastAPI takes 70 to 90 us
    to resolve the parameters, as much as all of the application's other work on a submission.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        by_fastapi = super().get_route_handler()

        async def handle(request: Request) -> Response:
            query = _QUERY.fullmatch(request.scope["query_string"])
            wait = MAX_WAIT_S + 1 if query is None else float(query[1] or 0)
            key = request.headers.get("idempotency-key")
            usual_key = key is None or (len(key) <= MAX_KEY_CHARACTERS and _KEY.fullmatch(key))
            if wait > MAX_WAIT_S or not usual_key:
                return await by_fastapi(request)
            response: Response = await self.endpoint(
                request, await services_of(request), await _principal_of(request), wait, key
            )
            return response

        return handle
