"""GET /v1/watch/events: how it is going, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.requiring import Reader
from mmdigit.gateway.routes.events import RETRY, EventStream, IsAdmitted
from mmdigit.gateway.services import UseServices
from mmdigit.gateway.watch.watching import Watching
from schemas.watch import WatchStatus

AT_LEAST_EVERY_S = 5.0
"""Whoever shows figures can tell by this that they are current, though nothing changes."""

router = APIRouter()


@router.get(
    "/v1/watch/events",
    operation_id="watch",
    summary="How it is going, as server-sent events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def watch(request: Request, services: UseServices, principal: Reader) -> StreamingResponse:
    """The pace of answers, the backlog, and how far the caller's newest 50 groups are, as an event `status`: when
    something has changed, at most once a second, and every five seconds in any case. The first one comes at once.

    Pace and backlog are of all tenants together. There is no end.
    """
    watching: Watching = request.app.state.watching
    is_admitted = partial(services.entrance.is_admitted, request, "read")
    return EventStream(services.entrance.stream(principal), _events(watching, principal, is_admitted))


async def _events(watching: Watching, principal: Principal, is_admitted: IsAdmitted) -> AsyncIterator[bytes]:
    yield RETRY
    told: WatchStatus | None = None
    told_s = 0.0
    loop = asyncio.get_running_loop()
    async with aclosing(watching.follow(principal.tenant)) as statuses:
        async for status in statuses:
            if not await is_admitted():
                return
            if _figures(status) != _figures(told) or loop.time() - told_s >= AT_LEAST_EVERY_S:
                told, told_s = status, loop.time()
                yield f"event: status\ndata: {status.model_dump_json(exclude_none=True)}\n\n".encode()


def _figures(status: WatchStatus | None) -> WatchStatus | None:
    """The status without what changes with the time alone."""
    if status is None:
        return None
    pace = status.pace.model_copy(update={"window_s": 0.0})
    groups = tuple(group.model_copy(update={"left_s": None}) for group in status.groups)
    return status.model_copy(update={"at": None, "pace": pace, "groups": groups})
