"""Outcomes of the store as a tenant sees them."""

from collections.abc import Sequence

from mmdigit.gateway.access.principal import Principal
from mmdigit.transport.ports import Outcome, PredictionStore
from schemas.api import JobStatus
from schemas.prediction import Prediction


def status_of(
    principal: Principal, job_id: str, outcome: Prediction | str | None, group: str | None = None
) -> JobStatus:
    """job_id, group: as stored. outcome: a prediction, the reason of a dead letter, or None for none yet."""
    if isinstance(outcome, Prediction):
        name, group = principal.shown(outcome.job_id), _shown(principal, outcome.group)
        prediction = outcome.model_copy(update={"job_id": name, "group": group}) if principal.tenant else outcome
        return JobStatus(job_id=name, group=group, state="done", prediction=prediction)
    name = principal.shown(job_id)
    if outcome is None:
        return JobStatus(job_id=name, group=_shown(principal, group), state="pending")
    return JobStatus(job_id=name, group=_shown(principal, group), state="dead", reason=outcome)


def statuses_of(principal: Principal, group: str, outcomes: Sequence[Outcome]) -> list[tuple[str, JobStatus]]:
    """Outcomes of a group, each with its position; without jobs whose ids the gateway would not give this tenant, as
    other producers on the topic may."""
    return [
        (outcome.position, status_of(principal, outcome.job_id, outcome.result, group))
        for outcome in outcomes
        if principal.owns(outcome.job_id)
    ]


def find_outcome(store: PredictionStore, job_id: str) -> Prediction | str | None:
    """The job's outcome, None if the store has none."""
    [prediction] = store.get([job_id])
    return prediction if prediction is not None else store.dead_letter_reasons([job_id])[0]


def _shown(principal: Principal, group: str | None) -> str | None:
    return None if group is None or not principal.owns(group) else principal.shown(group)
