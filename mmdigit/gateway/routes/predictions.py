"""GET /v1/predictions/{job_id}: one outcome."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from mmdigit.gateway.access.requiring import Reader
from mmdigit.gateway.intake.ids import stored_id
from mmdigit.gateway.outcomes import find_outcome, status_of
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.services import UseServices
from schemas.api import JobStatus
from schemas.identifiers import ID_PATTERN

JobId = Annotated[str, Path(pattern=ID_PATTERN, max_length=128)]

router = APIRouter()


@router.get("/v1/predictions/{job_id}", operation_id="get_prediction", summary="One outcome", response_model=JobStatus)
async def get_prediction(job_id: JobId, services: UseServices, principal: Reader) -> Response:
    """The outcome of a job. 404 while it has none: it is not read yet, was never sent, or its outcome has expired."""
    stored = stored_id(principal, job_id, "job_id")
    outcome = await services.reader.read(partial(find_outcome, job_id=stored))
    if outcome is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "expected a job with an outcome, got none: it is not read yet, was never sent, or has expired; ask again",
            {"Retry-After": "1"},
        )
    status = status_of(principal, stored, outcome)
    return Response(status.model_dump_json(exclude_none=True), media_type="application/json")
