"""GET /v1/groups: how far a group is, and its outcomes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from mmdigit.gateway.access.requiring import Reader
from mmdigit.gateway.intake.ids import stored_id
from mmdigit.gateway.outcomes import statuses_of
from mmdigit.gateway.pages import count_pages, no_pages, pages_of, require_forms
from mmdigit.gateway.problems import Problem, not_found
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.services import Services, UseServices
from mmdigit.transport.ports import GroupCounts, PredictionStore
from schemas.api import Decisions, GroupPage, GroupStatus, OutcomePage, PagesOfGroup
from schemas.errors import SettingsError
from schemas.identifiers import ID_PATTERN

Group = Annotated[str, Path(pattern=ID_PATTERN, max_length=128)]
After = Annotated[str, Query(max_length=4096, description="`next` of the page before; none for the oldest outcomes.")]

router = APIRouter()


@router.get("/v1/groups", operation_id="list_groups", summary="Groups, newest first", response_model=GroupPage)
async def list_groups(
    services: UseServices,
    principal: Reader,
    before: Annotated[str | None, Query(pattern=ID_PATTERN, description="The last group of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What was submitted as a batch, newest first. Groups of single jobs are not listed."""
    found = await services.in_registry(lambda registry: registry.groups(principal.tenant, limit, before))
    page = GroupPage(groups=tuple(group.name for group in found))
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/v1/groups/{group}", operation_id="get_group", summary="How far a group is", response_model=GroupStatus)
async def get_group(group: Group, services: UseServices, principal: Reader) -> Response:
    """Counts, decisions and the estimated time left of a group."""
    status = await group_status(services, principal.tenant, group, stored_id(principal, group, "group"))
    return Response(status.model_dump_json(), media_type="application/json")


@router.get(
    "/v1/groups/{group}/predictions",
    operation_id="get_group_predictions",
    summary="Outcomes of a group",
    response_model=OutcomePage,
)
async def get_group_predictions(
    group: Group,
    services: UseServices,
    principal: Reader,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """A group's outcomes in the order in which they came, a page at a time; an empty page if no more are there yet.

    A group of pages has none of its own: its table has the values of the fields.
    """
    stored = stored_id(principal, group, "group")
    with positions_checked():
        outcomes = await services.reader.group_outcomes(stored, after, limit)
    if not outcomes and not after:
        await known_group(services, principal.tenant, group, stored)
    page = OutcomePage(
        outcomes=tuple(status for _, status in statuses_of(principal, stored, outcomes)),
        next=outcomes[-1].position if outcomes else after,
    )
    return Response(page.model_dump_json(exclude_none=True), media_type="application/json")


@router.get(
    "/v1/groups/{group}/pages",
    operation_id="get_group_pages",
    summary="What became of the pages of a group",
    response_model=PagesOfGroup,
)
async def get_group_pages(
    group: Group,
    services: UseServices,
    principal: Reader,
    after: Annotated[int, Query(ge=0, le=10**9, description="How many pages to leave out.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """The scanned pages that a worker has looked at; of one that nobody can read, why. In no order that stays."""
    stored_id(principal, group, "group")
    submitted = await services.in_registry(lambda registry: registry.group(principal.tenant, group))
    if submitted is None or submitted.kind != "pages":
        raise no_pages()
    pages = await asyncio.to_thread(pages_of, require_forms(services), submitted, after, limit)
    return Response(PagesOfGroup(pages=pages).model_dump_json(exclude_none=True), media_type="application/json")


@contextmanager
def positions_checked(name: str = "after") -> Iterator[None]:
    """Turns the store's SettingsError for a position into a Problem (422). name: of the parameter that has it."""
    try:
        yield
    except SettingsError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {error}") from error


async def known_group(services: Services, tenant: str, name: str, stored: str) -> StoredGroup | None:
    """The group, None if it was not sent as a batch. Raises Problem (404) if nothing is known of it."""
    submitted = await services.in_registry(lambda registry: registry.group(tenant, name))
    if submitted is None:
        _require_outcomes(await services.reader.read(lambda store: store.counts(stored)))
    return submitted


async def group_status(services: Services, tenant: str, name: str, stored: str) -> GroupStatus:
    """How far a group is. Raises Problem (404) if nothing is known of it."""
    submitted = await services.in_registry(lambda registry: registry.group(tenant, name))
    if submitted is not None and submitted.kind == "pages" and services.forms is not None:
        counts, decisions = await asyncio.to_thread(count_pages, services.forms.store, submitted)
    else:
        counts, decisions = await services.reader.read(partial(_counted, services, stored))
    if submitted is None:
        _require_outcomes(counts)
    return status_of_jobs(name, submitted, counts, decisions, services.now())


def status_of_jobs(
    name: str, submitted: StoredGroup | None, counts: GroupCounts, decisions: Decisions, now: datetime
) -> GroupStatus:
    """submitted: None if the group was not sent as a batch."""
    ended = counts.done + counts.dead
    total = None if submitted is None else submitted.jobs
    left_s = None
    if submitted is not None and 0 < ended < submitted.jobs:
        spent_s = max(0.0, (now - submitted.created_at).total_seconds())
        left_s = round(spent_s * (submitted.jobs - ended) / ended, 1)
    return GroupStatus(
        group=name,
        kind="jobs" if submitted is None else submitted.kind,
        submitted=total,
        done=counts.done,
        dead=counts.dead,
        decisions=decisions,
        finished=total is not None and ended >= total,
        created_at=None if submitted is None else submitted.created_at,
        left_s=left_s,
    )


def _require_outcomes(counts: GroupCounts) -> None:
    if not counts.done and not counts.dead:
        raise not_found(
            "expected a group with outcomes, got none: none of its jobs is read yet, it was never sent, or has expired"
        )


def _counted(services: Services, stored: str, store: PredictionStore) -> tuple[GroupCounts, Decisions]:
    return store.counts(stored), services.tallies.count(store, stored)
