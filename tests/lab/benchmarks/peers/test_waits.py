"""Each case changes one wait, and its cost is the difference to the worker's defaults in the same round."""

from lab.benchmarks.peers.waits import CASES, figures, summary


def test_each_case_changes_one_wait() -> None:
    for name, case in CASES.items():
        base = CASES[name.partition(",")[0]]
        changed = (case.linger_ms != base.linger_ms) + (case.options != base.options)
        assert changed == ("," in name), name


def test_costs_are_differences_within_a_round() -> None:
    worker = [figures({"p50": p50, "p99": 20.0}, {"p50": 6.0}, 0) for p50 in (10.0, 30.0, 20.0)]
    without = [figures({"p50": p50, "p99": 18.0}, {"p50": 1.0}, 0) for p50 in (5.0, 24.0, 16.0)]
    found = summary(without, worker)
    assert found["p50_ms"] == {"median": 16.0, "min": 5.0, "max": 24.0}
    assert found["more_ms"] == {
        "p50_ms": {"median": -5.0, "min": -6.0, "max": -4.0},
        "p99_ms": {"median": -2.0, "min": -2.0, "max": -2.0},
    }
    assert summary(worker, worker)["more_ms"]["p50_ms"]["max"] == 0
