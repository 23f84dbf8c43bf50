"""GET /v1/groups/{group}/events: outcomes of a group as server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.requiring import Reader
from mmdigit.gateway.intake.ids import stored_id
from mmdigit.gateway.outcomes import statuses_of
from mmdigit.gateway.routes.groups import Group, group_status, known_group, positions_checked
from mmdigit.gateway.services import Services, UseServices
from mmdigit.transport.ports import Outcome
from schemas.api import GroupStatus, JobStatus

PAGE = 200
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 4.0  # the longest time before a dead letter is told; a prediction wakes the stream
HEARTBEAT_S = 15.0
RETRY = b"retry: 1000\n\n"
"""Begins every stream: after so many milliseconds a client whose stream broke off comes back."""
PAGES_EVERY_S = 1.0
COALESCE_S = 0.02  # predictions that come one by one are read together

IsAdmitted = Callable[[], Awaitable[bool]]
"""Whether the stream's token is still valid."""

router = APIRouter()


@router.get(
    "/v1/groups/{group}/events",
    operation_id="follow_group",
    summary="Outcomes of a group as server-sent events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def follow_group(
    request: Request,
    group: Group,
    services: UseServices,
    principal: Reader,
    last_event_id: Annotated[str, Header(max_length=4096)] = "",
) -> StreamingResponse:
    """Each outcome as an event `outcome`, from the oldest on or after Last-Event-ID, dead letters as well.

    Ends with an event `finished`, which has the group's status, once a group that was sent as a batch has all its
    outcomes. A comment every 15 seconds keeps the connection open.

    Of a group of pages, each change of its status is an event `status`, and the last one `finished`.
    """
    stored = stored_id(principal, group, "group")
    is_admitted = partial(services.entrance.is_admitted, request, "read")
    submitted = await services.in_registry(lambda registry: registry.group(principal.tenant, group))
    if submitted is not None and submitted.kind == "pages":
        events = _page_events(services, principal, group, stored, is_admitted)
    else:
        with positions_checked("Last-Event-ID"):
            first = await services.reader.group_outcomes(stored, last_event_id, PAGE)
        if not first and submitted is None:
            await known_group(services, principal.tenant, group, stored)
        events = _events(services, principal, group, stored, last_event_id, first, is_admitted)
    return EventStream(services.entrance.stream(principal), events)


class EventStream(StreamingResponse):
    """A response that counts as an open stream while it is sent."""

    def __init__(self, opened: AbstractContextManager[None], events: AsyncIterator[bytes]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Problem (429) before anything is sent."""
        with self._opened:
            await super().__call__(scope, receive, send)


async def _events(
    services: Services,
    principal: Principal,
    group: str,
    stored: str,
    position: str,
    outcomes: list[Outcome],
    is_admitted: IsAdmitted,
) -> AsyncIterator[bytes]:
    yield RETRY
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    told_s, asked_s = loop.time(), -FIRST_PAUSE_S
    with services.feed.listening(stored) as changed:
        while not services.stopping.is_set():
            if outcomes:
                yield b"".join(_event(*told) for told in statuses_of(principal, stored, outcomes))
                position, pause_s, told_s = outcomes[-1].position, FIRST_PAUSE_S, loop.time()
            if len(outcomes) < PAGE:
                if loop.time() - asked_s >= FIRST_PAUSE_S:
                    asked_s = loop.time()
                    if not await is_admitted():
                        return
                    status = await group_status(services, principal.tenant, group, stored)
                    if status.finished and not await services.reader.group_outcomes(stored, position, PAGE):
                        yield f"event: finished\ndata: {status.model_dump_json()}\n\n".encode()
                        return
                try:
                    await asyncio.wait_for(changed.wait(), pause_s)
                    await asyncio.sleep(COALESCE_S)
                except TimeoutError:
                    pause_s = min(2 * pause_s, MAX_PAUSE_S)
                if loop.time() - told_s >= HEARTBEAT_S:
                    yield b": waiting\n\n"
                    told_s = loop.time()
            changed.clear()
            outcomes = await services.reader.group_outcomes(stored, position, PAGE)


async def _page_events(
    services: Services, principal: Principal, group: str, stored: str, is_admitted: IsAdmitted
) -> AsyncIterator[bytes]:
    yield RETRY
    told: GroupStatus | None = None
    silent_s = 0.0
    while not services.stopping.is_set() and await is_admitted():
        status = await group_status(services, principal.tenant, group, stored)
        counted = status.model_copy(update={"left_s": None})
        if status.finished:
            yield f"event: finished\ndata: {status.model_dump_json()}\n\n".encode()
            return
        if counted != told:
            yield f"event: status\ndata: {status.model_dump_json()}\n\n".encode()
            told, silent_s = counted, 0.0
        elif silent_s >= HEARTBEAT_S:
            yield b": waiting\n\n"
            silent_s = 0.0
        with suppress(TimeoutError):
            await asyncio.wait_for(services.stopping.wait(), PAGES_EVERY_S)
        silent_s += PAGES_EVERY_S


def _event(position: str, status: JobStatus) -> bytes:
    return f"id: {position}\nevent: outcome\ndata: {status.model_dump_json(exclude_none=True)}\n\n".encode()
