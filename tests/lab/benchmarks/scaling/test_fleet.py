"""The simulated tasks: no job is made up or lost, partitions are shared, missing data scale nothing, backlogs end."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.benchmarks.cost import result_of
from lab.benchmarks.scaling.__main__ import compare, figures, policies
from lab.benchmarks.scaling.fleet import Run, Tasks, simulate
from lab.benchmarks.scaling.profiles import MILLION, NEVER, Profile, Span
from lab.benchmarks.scaling.target_tracking import Scaler
from lab.kit.spread import rounded

TASKS = Tasks(jobs_per_s=100.0, start_s=60.0, rebalance_s=1.0, storm_rebalance_s=12.0, partitions=24)
LEAST, MOST = 2, 8


def profile(seconds: int, rates: list[float], lag_missing: Span = NEVER, cpu_missing: Span = NEVER) -> Profile:
    """The rates one after another, each for as long."""
    each = -(-seconds // len(rates))
    return Profile(
        "test", "", seconds, lambda at_s: rates[at_s // each], lag_missing=lag_missing, cpu_missing=cpu_missing
    )


def simulated(case: Profile, tasks: Tasks = TASKS, assumed_jobs_per_s: float = 100.0) -> Run:
    return simulate(case, tasks, Scaler(policies(), LEAST, MOST), assumed_jobs_per_s)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    rates=st.lists(st.floats(0, 1500), min_size=1, max_size=5),
    lag_missing=st.tuples(st.integers(0, 2000), st.integers(0, 2000)),
    partitions=st.integers(MOST, 24),
    assumed=st.floats(20, 500),
)
def test_jobs_are_conserved_and_tasks_within_their_bounds(
    rates: list[float], lag_missing: tuple[int, int], partitions: int, assumed: float
) -> None:
    tasks = Tasks(100.0, 60.0, 1.0, 12.0, partitions)
    run = simulated(profile(2400, rates, Span(*lag_missing)), tasks, assumed)
    assert sum(run.arrived) == pytest.approx(sum(run.served) + run.backlog[-1])
    assert min(run.backlog) >= 0
    assert set(run.running) <= set(range(LEAST, MOST + 1))
    assert max(run.paid) <= MOST
    assert all(paid >= running for paid, running in zip(run.paid, run.running, strict=True))
    assert max(run.served) <= MOST * 100.0 + 1e-6
    shrinking = [activity.at_s for activity in run.activities if activity.after < activity.before]
    assert all(after - before >= 600 for before, after in pairwise(shrinking))


@settings(derandomize=True, max_examples=10, deadline=None)
@given(share=st.floats(0.05, 0.9), backlog=st.floats(0, 300_000))
def test_a_backlog_ends_where_all_tasks_can_do_more_than_comes(share: float, backlog: float) -> None:
    rate = share * MOST * TASKS.jobs_per_s
    run = simulated(Profile("test", "", 3 * 3600, lambda at_s: rate + (backlog if at_s == 0 else 0.0)))
    assert max(run.backlog[-600:]) < 20 * rate + 1  # but for a rebalance's
    assert run.activities or backlog + rate < LEAST * 60 * TASKS.jobs_per_s


def test_without_data_nothing_is_scaled() -> None:
    blind = Span(600, 3000)
    case = profile(4800, [150.0, 700.0, 700.0, 700.0], lag_missing=blind, cpu_missing=blind)
    run = simulated(case)
    assert run.backlog[2999] > 100_000
    # What was published before, and is one minute old, is still looked at; three minutes of data are needed again.
    assert run.activities[0].at_s >= blind.end_s + 180


def test_cpu_goes_on_scaling_when_the_lag_is_missing() -> None:
    case = profile(3600, [150.0, 700.0], lag_missing=Span(0, 3600))
    run = simulated(case)
    assert {activity.why for activity in run.activities} == {("cpu",)}
    assert run.running[-1] == MOST


def test_five_tasks_on_eight_partitions_do_what_four_do() -> None:
    case = profile(300, [10_000.0])
    for tasks, jobs_per_s in ((4, 400), (5, 500)):
        run = simulate(case, Tasks(100.0, 60.0, 1.0, 12.0, 8), Scaler(policies(), tasks, tasks), 100.0)
        assert run.served[-1] == pytest.approx(jobs_per_s)  # each has a backlog of its own
    for tasks, keeps_up in ((4, False), (5, False), (7, False), (8, True)):
        case = profile(3600, [450.0])
        run = simulate(case, Tasks(100.0, 60.0, 1.0, 12.0, 8), Scaler(policies(), tasks, tasks), 100.0)
        assert (run.backlog[-1] < 10) == keeps_up


def test_the_longest_wait_is_that_of_the_last_job_of_a_drop() -> None:
    run = simulate(
        Profile("test", "", 600, lambda at_s: 30_000.0 if at_s == 60 else 0.0),
        TASKS,
        Scaler(policies(), 3, 3),
        100.0,
    )
    assert run.longest_wait_s() == pytest.approx(100, abs=1)
    assert figures(run, TASKS)["backlog_s"] == pytest.approx(100, abs=1)


def test_nobody_works_while_a_rebalance_lasts() -> None:
    slow = Tasks(100.0, 60.0, rebalance_s=30.0, storm_rebalance_s=12.0, partitions=24)
    run = simulated(profile(1200, [400.0]), slow)
    [first] = [at_s for at_s, running in enumerate(run.running) if at_s and running > run.running[at_s - 1]][:1]
    assert run.served[first : first + 30] == [0.0] * 30
    assert run.served[first + 30] > 0


def test_every_case_ends_well_with_the_figures_of_terraform() -> None:
    result, runs = compare()
    assert set(result["cases"]) == set(runs)
    kept = result_of("scaling")
    for part in ("policies", "tasks", "cases", "previously"):
        command = "--plot docs/results/plots/scaling.png --output lab/results/scaling.json"
        current = f"run python -m lab.benchmarks.scaling {command}"
        assert kept[part] == rounded(result[part]), current
    for case in result["cases"].values():
        for speed in result["tasks"]["jobs_per_s"]:
            assert case[speed]["left"] < 1, case["title"]
            assert case[speed]["turns"] <= 1, case["title"]
    assert result["cases"]["drop"]["as assumed"]["jobs"] == MILLION
    assert result["cases"]["day"]["as assumed"]["longest_wait_s"] < 60
    assert result["previously"]["turns"] > 20  # with as many partitions as tasks, and a cooldown that was too short
