"""What a comparison counts, what it shows with its bounds, and what it prints."""

import json

import pytest

from schemas.errors import InvalidImage
from schemas.prediction import Answer, Prediction
from tests.factories import SURE, make_prediction
from worker.shadow.comparison import Comparison, Difference, LiveOutcome
from worker.shadow.report import Cost, report, table

DEAD = InvalidImage("expected a picture")


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


def test_each_job_is_counted_as_what_it_is() -> None:
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
def test_only_what_the_jobs_show_is_within_the_limits(same: int, other: int, failed: int, verdict: str) -> None:
    jobs = [(answer(), live())] * same + [(answer(4), live())] * other + [(DEAD, live())] * failed
    assert compared(*jobs).verdict == verdict


def test_a_change_of_decisions_has_a_limit_of_its_own() -> None:
    changed = compared(*[(answer(), live())] * 800, *[(answer(decision="review"), live())] * 100)
    assert (changed.differing.at_most < 0.01, changed.redecided.observed > 0.1) == (True, True)
    assert changed.verdict == "over a limit"


def test_what_has_no_outcome_to_compare_with_shows_nothing() -> None:
    nothing = compared((answer(), None), (answer(), "model_rejected"), (DEAD, "invalid_image"), times=1000)
    assert nothing.compared == 0
    assert nothing.verdict == "too few jobs to tell"


def test_examples_are_bounded() -> None:
    assert len(compared((answer(4), live()), times=50, examples=3).examples) == 3


def test_shifts_are_those_of_equal_digits() -> None:
    shifts = compared(
        (answer(confidence=SURE - 0.01), live()), (answer(confidence=SURE + 0.04), live()), (answer(4, 0.1), live())
    )
    assert shifts.shifts() == pytest.approx({"mean": 0.015, "p99": 0.0397, "largest": 0.04})


@pytest.fixture
def mixed() -> Comparison:
    return compared((answer(), live()), (answer(4), live(worker_version=None)), (DEAD, "invalid_image"))


def test_the_table(mixed: Comparison) -> None:
    assert table(mixed, "m-2, worker 0.7.0", Cost(jobs=4, cpu_s=0.008, model_s=0.004)).splitlines() == [
        "tested  m-2, worker 0.7.0",
        "live    test, worker 0.6.0: 1 jobs",
        "live    test, worker before 0.6.0: 1 jobs",
        "",
        "                                       jobs       share     at most       limit",
        "answered live, and compared               2",
        "another digit, or none                    1    50.000 %    97.468 %     1.000 %",
        "  another, accepted by both               1",
        "  none                                    0",
        "accept or review, changed                 0     0.000 %    77.639 %    10.000 %",
        "  accept to review                        0",
        "  review to accept                        0",
        "dead live, answered here                  0",
        "dead in both                              1",
        "no outcome live in time                   0",
        "no job that can be read here              0",
        "",
        "confidence, tested minus live: mean +0.00000; size p99 0.00000, largest 0.00000",
        "a job: model 1.00 ms (live 10.00 ms); decoding and model 2.00 ms of CPU",
        "",
        "job-1  live 3 0.930 accept    tested 4 0.930 accept",
        "",
        "verdict: over a limit",
    ]


def test_the_json_is_json_also_of_nothing(mixed: Comparison) -> None:
    found = json.loads(json.dumps(report(mixed, "m-2", Cost(4, 0.008, 0.004)), allow_nan=False))
    assert found["differing"] == {
        "jobs": 1,
        "of": 2,
        "share": 0.5,
        "share_at_most": pytest.approx(0.97468),
        "limit": 0.01,
    }
    assert (found["verdict"], found["failed_in_both"], found["cpu_s_per_job"]) == ("over a limit", 1, 0.002)
    nothing = json.dumps(report(Comparison(0.01, 0.1, 10), "m-2", Cost(0, 0, 0)), allow_nan=False)
    assert json.loads(nothing)["confidence_shift"]["p99"] is None


def test_versions_from_the_store_move_no_terminal_and_fill_no_screen() -> None:
    comparison = Comparison(0.01, 0.1, 10)
    for number in range(500):
        stored = live().model_copy(update={"model_version": f"\x1b[2J\n{number}", "worker_version": "\u202e"})
        comparison.add(f"job-{number}", answer(), stored)
    cost = Cost(500, 1.0, 1.0)
    said = table(comparison, "tested", cost)
    assert len(said.splitlines()) < 50
    assert "".join(said.splitlines()).isprintable()
    assert all(name.isprintable() for name in report(comparison, "tested", cost)["live"])
