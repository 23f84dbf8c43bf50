"""Reviewing: who gets which field, what they key, and what happened to it."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

from mmdigit.gateway.access.requiring import Reviewer
from mmdigit.gateway.intake.ids import stored_id
from mmdigit.gateway.pages import require_forms
from mmdigit.gateway.reviewing.claiming import claim_work, clerk_of
from mmdigit.gateway.reviewing.keying import find_claim, give_back, key_work
from mmdigit.gateway.reviewing.overview import MAX_LISTED, field_history, field_sound, reviewed_groups
from mmdigit.gateway.reviewing.showing import Predictions, jobs_to_weigh, shown_claim
from mmdigit.gateway.routes.groups import Group
from mmdigit.gateway.services import Services, UseServices
from schemas.errors import AccessError, RetriableError
from schemas.identifiers import ID_PATTERN
from schemas.review import MAX_CLERK, Claim, ClaimRequest, FieldHistory, KeyResults, Keys, ReviewGroups

ClaimId = Annotated[str, Path(pattern=ID_PATTERN, max_length=128)]
FieldId = Annotated[str, Path(max_length=256, description="As a claim has it.")]

SOUND = "audio/wav"

router = APIRouter()


@router.get(
    "/v1/review/groups",
    operation_id="list_review_groups",
    summary="What is left to review, and who is on what",
    response_model=ReviewGroups,
)
async def list_review_groups(
    services: UseServices,
    principal: Reviewer,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED,
    clerk: Annotated[str | None, Query(max_length=MAX_CLERK, description="Who asks, as in a claim.")] = None,
) -> Response:
    """Of the newest groups, those with scanned forms that have values. Counts may be a few seconds old, and leave out
    the second keys that the person may not make."""
    desk = require_forms(services).desk
    groups = await services.in_registry(lambda registry: registry.groups(principal.tenant, limit))
    names = [group.name for group in groups if group.kind == "pages"]
    who = clerk_of(principal, clerk)
    found = await desk.run(lambda: tuple(reviewed_groups(desk, principal.tenant, names, who)))
    return _answer(ReviewGroups(groups=found))


@router.post(
    "/v1/review/groups/{group}/claims",
    operation_id="claim_fields",
    summary="Claim fields to review",
    response_model=Claim,
)
async def claim_fields(group: Group, ask: ClaimRequest, services: UseServices, principal: Reviewer) -> Response:
    """Fields, or boxes, that nobody else gets until the claim expires. Each key and each renewal moves that further."""
    stored_id(principal, group, "group")
    desk = require_forms(services).desk
    claim, work, got = await desk.run(partial(claim_work, desk, principal, group, ask))
    predictions = await _predictions(services, jobs_to_weigh(claim, got))
    return _answer(await desk.run(partial(shown_claim, principal, claim, work, got, predictions)))


@router.put(
    "/v1/review/claims/{claim}", operation_id="renew_claim", summary="Keep a claim for longer", response_model=Claim
)
async def renew_claim(claim: ClaimId, services: UseServices, principal: Reviewer) -> Response:
    """The claim without its fields. One that has expired holds again what nobody else has claimed meanwhile."""
    desk = require_forms(services).desk
    found = await desk.run(partial(find_claim, desk, principal, claim))
    expires_at = desk.expires_at()
    await desk.run(partial(desk.review.renew, claim, expires_at))
    return _answer(Claim(claim=found.id, clerk=found.clerk, kind=found.kind, expires_at=expires_at))


@router.delete(
    "/v1/review/claims/{claim}", operation_id="release_claim", summary="Give a claim back", status_code=204
)  # fmt: skip
async def release_claim(claim: ClaimId, services: UseServices, principal: Reviewer) -> Response:
    """Others may claim its fields at once. What was keyed under it stays, and cannot be undone any more."""
    desk = require_forms(services).desk
    await desk.run(partial(give_back, desk, principal, claim))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/review/claims/{claim}/keys", operation_id="put_keys", summary="Say what is written", response_model=KeyResults
)
async def put_keys(claim: ClaimId, keys: Keys, services: UseServices, principal: Reviewer) -> Response:
    """Keeps each key or says why not. Sent again, it changes nothing."""
    desk = require_forms(services).desk
    return _answer(await desk.run(partial(key_work, desk, principal, claim, keys)))


@router.get(
    "/v1/review/groups/{group}/fields/{field}/history",
    operation_id="get_field_history",
    summary="What happened to a field",
    response_model=FieldHistory,
)
async def get_field_history(group: Group, field: FieldId, services: UseServices, principal: Reviewer) -> Response:
    """What the model read, and every change since. Refused while somebody has to key the field without seeing that."""
    stored_id(principal, group, "group")
    desk = require_forms(services).desk
    return _answer(await desk.run(partial(field_history, desk, principal, group, field)))


@router.get(
    "/v1/review/groups/{group}/fields/{field}/sound",
    operation_id="get_field_sound",
    summary="The recording of a field",
    response_class=Response,
    responses={200: {"content": {SOUND: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_field_sound(group: Group, field: FieldId, services: UseServices, principal: Reviewer) -> Response:
    """A WAV file, 8 kHz, mono, 16 bits. It may be the recording of other fields of the page, too."""
    stored_id(principal, group, "group")
    desk = require_forms(services).desk
    return Response(await desk.run(partial(field_sound, desk, principal, group, field)), media_type=SOUND)


async def _predictions(services: Services, job_ids: list[str]) -> Predictions:
    """Those that are still kept; alternatives are worth no failure."""
    if not job_ids:
        return {}
    try:
        found = await services.reader.read(lambda store: store.get(job_ids))
    except (RetriableError, AccessError):
        return {}
    return {prediction.job_id: prediction for prediction in found if prediction is not None}


def _answer(message: BaseModel) -> Response:
    return Response(message.model_dump_json(), media_type="application/json")
