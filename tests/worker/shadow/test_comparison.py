"""What a comparison counts, and the verdict that its bounds give."""

import pytest

from schemas.errors import InvalidImage
from schemas.prediction import Answer, Prediction
from tests.factories import SURE, make_prediction
from worker.shadow.comparison import Comparison, Difference, LiveOutcome

DEAD = InvalidImage("expected an image")


def answer(label: int = 3, confidence: float = SURE, decision: str = "accept") -> Answer:
    fields = make_prediction(label=label).model_dump(include=set(Answer.model_fields))
    return Answer.model_validate(fields | {"confidence": confidence, "decision": decision})


def live(label: int = 3, decision: str = "accept", worker_version: str | None = "0.6.0") -> Prediction:
    changes = {"decision": decision, "worker_version": worker_version}
    return make_prediction(label=label).model_copy(update=changes)


def compared(*jobs: tuple[Answer | InvalidImage, LiveOutcome | None], times: int = 1, examples: int = 10) -> Comparison:
    comparison = Comparison(0.01, 0.1, examples)
    for number, (tested, outcome) in enumerate(jobs * times):
        comparison.add(f"job-{number}", tested, outcome)
    return comparison


def test_comparison_counts_each_kind_of_job() -> None:
    comparison = compared(
        (answer(), live()),
        (answer(4), live()),
        (answer(4), live(decision="review")),
        (answer(decision="review"), live()),
        (DEAD, live()),
        (answer(), "model_rejected"),
        (DEAD, "invalid_image"),
        (answer(), None),
        (DEAD, None),
    )
    comparison.add(None, DEAD, None)
    assert (comparison.same, comparison.other_digit, comparison.other_digit_accepted) == (2, 2, 1)
    assert (comparison.to_review, comparison.to_accept) == (1, 1)
    assert (comparison.failed_here, comparison.failed_live, comparison.failed_in_both) == (1, 1, 1)
    assert (comparison.missing, comparison.unreadable) == (2, 1)
    assert (comparison.differing.count, comparison.differing.total) == (3, 5)
    assert (comparison.redecided.count, comparison.redecided.total) == (2, 4)
    assert comparison.examples == [
        Difference("job-1", "3 0.930 accept", "4 0.930 accept"),
        Difference("job-2", "3 0.930 review", "4 0.930 accept"),
        Difference("job-3", "3 0.930 accept", "3 0.930 review"),
        Difference("job-4", "3 0.930 accept", "invalid_image"),
    ]


@pytest.mark.parametrize(
    ("same", "other", "failed", "verdict"),
    [
        (0, 0, 0, "too few jobs to tell"),
        (298, 0, 0, "too few jobs to tell"),  # 0.05 ** (1 / 298) is 0.98999...
        (299, 0, 0, "within limits"),
        (471, 1, 0, "too few jobs to tell"),
        (473, 1, 0, "within limits"),
        (473, 0, 1, "within limits"),
        (98, 2, 0, "over a limit"),
        (98, 0, 2, "over a limit"),
    ],
)
def test_verdict_needs_the_upper_bound_within_the_limit(same: int, other: int, failed: int, verdict: str) -> None:
    jobs = [(answer(), live())] * same + [(answer(4), live())] * other + [(DEAD, live())] * failed
    assert compared(*jobs).verdict == verdict


def test_verdict_has_a_limit_for_changed_decisions() -> None:
    changed = compared(*[(answer(), live())] * 800, *[(answer(decision="review"), live())] * 100)
    assert (changed.differing.at_most < 0.01, changed.redecided.observed > 0.1) == (True, True)
    assert changed.verdict == "over a limit"


def test_verdict_ignores_jobs_without_a_live_prediction() -> None:
    nothing = compared((answer(), None), (answer(), "model_rejected"), (DEAD, "invalid_image"), times=1000)
    assert nothing.compared == 0
    assert nothing.verdict == "too few jobs to tell"


def test_examples_are_bounded() -> None:
    assert len(compared((answer(4), live()), times=50, examples=3).examples) == 3


def test_shifts_are_of_jobs_with_the_same_digit() -> None:
    shifts = compared(
        (answer(confidence=SURE - 0.01), live()), (answer(confidence=SURE + 0.04), live()), (answer(4, 0.1), live())
    )
    assert shifts.shifts() == pytest.approx({"mean": 0.015, "p99": 0.0397, "largest": 0.04})
