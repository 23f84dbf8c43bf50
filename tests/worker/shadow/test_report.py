"""The report of a shadow, as a table and as JSON."""

import json

import pytest

from tests.worker.shadow.test_comparison import DEAD, answer, compared, live
from worker.shadow.comparison import Comparison
from worker.shadow.report import Cost, report, table


@pytest.fixture
def mixed() -> Comparison:
    return compared((answer(), live()), (answer(4), live(worker_version=None)), (DEAD, "invalid_image"))


def test_table_shows_counts_shares_and_verdict(mixed: Comparison) -> None:
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
        "dead letter live, answered here           0",
        "dead in both                              1",
        "no outcome live in time                   0",
        "unreadable records                        0",
        "",
        "confidence, tested minus live: mean +0.00000; size p99 0.00000, largest 0.00000",
        "a job: model 1.00 ms (live 10.00 ms); decoding and model 2.00 ms of CPU",
        "",
        "job-1  live 3 0.930 accept    tested 4 0.930 accept",
        "",
        "verdict: over a limit",
    ]


def test_report_is_valid_json_even_when_empty(mixed: Comparison) -> None:
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


def test_table_escapes_and_bounds_versions_from_the_store() -> None:
    comparison = Comparison(0.01, 0.1, 10)
    for number in range(500):
        stored = live().model_copy(update={"model_version": f"\x1b[2J\n{number}", "worker_version": "\u202e"})
        comparison.add(f"job-{number}", answer(), stored)
    cost = Cost(500, 1.0, 1.0)
    said = table(comparison, "tested", cost)
    assert len(said.splitlines()) < 50
    assert "".join(said.splitlines()).isprintable()
    assert all(name.isprintable() for name in report(comparison, "tested", cost)["live"])
