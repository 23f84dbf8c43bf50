"""POST /v1/jobs: one job."""

from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.requiring import Submitter
from mmdigit.gateway.intake.ids import IdempotencyKey, new_id, stored_id
from mmdigit.gateway.intake.records import OTHER_GROUP, record_of, require_room
from mmdigit.gateway.intake.single import read_submission
from mmdigit.gateway.outcomes import find_outcome, status_of
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.routes.submit_route import SubmitRoute, Wait
from mmdigit.gateway.services import UseServices
from schemas.api import JobStatus, JobSubmission
from schemas.identifiers import id_of
from schemas.job import MAX_RECORD_BYTES
from schemas.prediction import Prediction

router = APIRouter(route_class=SubmitRoute)


@router.post(
    "/v1/jobs",
    operation_id="submit_job",
    summary="Submit one job",
    status_code=202,
    response_model=JobStatus,
)
async def submit_job(
    request: Request,
    services: UseServices,
    principal: Submitter,
    wait: Wait = 0.0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Publishes a job and returns once the topic has acknowledged it; with `wait`, once it has an outcome.

    Sent again under the same job_id or Idempotency-Key, it is the same job.
    """
    require_room(services)
    with services.entrance.receiving(principal, request, MAX_RECORD_BYTES):
        submission = await read_submission(request)
    name, new = _name_of(submission, idempotency_key)
    job_id = stored_id(principal, name, "job_id")
    group = None if submission.group is None else stored_id(principal, submission.group, "group")
    if not new:
        outcome = await services.reader.read(partial(find_outcome, job_id=job_id))
        if isinstance(outcome, Prediction) and group not in (None, outcome.group):
            raise Problem(HTTPStatus.CONFLICT, OTHER_GROUP)
        if outcome is not None and submission.job_id is None:
            return _response(principal, job_id, group, outcome)
    record = record_of(submission, job_id, group, services)
    if not wait:
        await services.publisher.publish([record])
        services.backlog.sent(job_id)
        return _response(principal, job_id, group, None)
    with services.feed.waiting(job_id, new=new) as waiter:
        await services.publisher.publish([record])
        services.backlog.sent(job_id)
        return _response(principal, job_id, group, await waiter.outcome(wait))


def _name_of(submission: JobSubmission, key: str | None) -> tuple[str, bool]:
    """The job's id, and whether no job had it before."""
    if submission.job_id is not None:
        return submission.job_id, False
    if key is not None:
        # With the content: another body under the same key is another job, and replaces no answer.
        label = None if submission.expected is None else str(submission.expected)
        return id_of("job", key, submission.group, label, submission.image, submission.audio), False
    return new_id(), True


def _response(principal: Principal, job_id: str, group: str | None, outcome: Prediction | str | None) -> Response:
    status = status_of(principal, job_id, outcome, group)
    code = HTTPStatus.ACCEPTED if status.state == "pending" else HTTPStatus.OK
    headers = {"Location": f"/v1/predictions/{status.job_id}"}
    return Response(status.model_dump_json(exclude_none=True), code, headers, "application/json")
