"""What the API takes and gives comes back from JSON as it was."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, ValidationError

from schemas.api import Decisions, GroupStatus, JobStatus, JobSubmission, OutcomePage
from tests.schemas.samples import PREDICTION

DECISIONS = Decisions(accept=3, review=1, counted=4)


@pytest.mark.parametrize(
    "message",
    [
        JobSubmission(image=b"\x89PNG\xff", job_id="a-1", group="g", expected=4),
        JobStatus(job_id="a-1", state="done", prediction=PREDICTION),
        OutcomePage(outcomes=(JobStatus(job_id="a-1", state="dead", reason="invalid_image"),), next="7"),
        GroupStatus(
            group="g",
            submitted=5,
            done=4,
            dead=0,
            decisions=DECISIONS,
            finished=False,
            created_at=datetime(2026, 1, 2, tzinfo=UTC),
            left_s=1.5,
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_come_back_from_json(message: BaseModel) -> None:
    assert type(message).model_validate_json(message.model_dump_json(exclude_none=True)) == message


def test_submission_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError):
        JobSubmission.model_validate_json(b'{"image": "", "weight": 1}')
