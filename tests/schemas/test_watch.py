"""What watching gives comes back from JSON as it was, and reads what a later gateway adds."""

from datetime import UTC, datetime

from schemas.api import Decisions
from schemas.watch import AnswerPace, SampledError, WatchedGroup, WatchStatus

GROUP = WatchedGroup(
    group="g", kind="pages", submitted=5, done=4, dead=1, decisions=Decisions(accept=3, review=1, counted=4),
    finished=True, sampled=SampledError(keyed=20, wrong=0, bound=0.14, target=0.0014),
)  # fmt: skip
STATUS = WatchStatus(
    at=datetime(2026, 11, 28, tzinfo=UTC), pace=AnswerPace(window_s=60, answers=1, per_s=0.1, review=0, p50_s=0.5),
    backlog_s=1.5, max_backlog_s=60, missing=("store",), groups=(GROUP,), grafana_url="http://localhost:3000",
)  # fmt: skip


def test_status_comes_back_from_json() -> None:
    text = STATUS.model_dump_json(exclude_none=True)
    assert WatchStatus.model_validate_json(text) == STATUS
    assert WatchStatus.model_validate_json(text[:-1] + ',"later":1}') == STATUS
