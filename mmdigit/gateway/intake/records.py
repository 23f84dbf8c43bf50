"""A submission as the record of a job, whether there is room for another, and what is kept of many."""

from collections.abc import Sequence
from http import HTTPStatus

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.services import Services
from schemas.api import JobSubmission
from schemas.job import Job
from schemas.wire import encode

OTHER_GROUP = "job_id: expected a new id, got one of a job that has its prediction in another group; choose another"
"""A job counts in the group in which it is first answered, and in no other."""


def require_room(services: Services) -> None:
    """Raises Problem (429) if jobs wait too long already."""
    waits_s = services.backlog.seconds
    if waits_s > services.max_backlog_s:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"expected jobs to wait at most {services.max_backlog_s:.0f} s, got {waits_s:.0f} s; send this one later",
            {"Retry-After": str(int(min(waits_s, 3600)) + 1)},
            refusal="backlog",
        )


def record_of(submission: JobSubmission, job_id: str, group: str | None, services: Services) -> Outgoing:
    """The record of a job."""
    job = Job(
        job_id=job_id,
        group=group,
        image=submission.image,
        audio=submission.audio,
        expected=submission.expected,
        created_at=services.now(),
    )
    return Outgoing(job_id.encode(), encode(job, "msgpack"))


async def keep_submitted(services: Services, group: StoredGroup, numbers: Sequence[int], webhook: str | None) -> None:
    """Keep what was submitted under a group's name, and who is told of its end. numbers: as of Registry.put_group."""
    await services.in_registry(lambda registry: registry.put_group(group, numbers))
    if webhook is not None:
        place = (group.tenant, group.name, webhook, group.created_at)
        await services.in_registry(lambda registry: registry.put_webhook(*place))
