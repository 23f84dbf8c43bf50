"""Target tracking as it is documented: when it acts, by how much, and when it does not."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.benchmarks.scaling.target_tracking import HIGH_PERIODS, LOW_PERIODS, PERIOD_S, Activity, Policy, Scaler

BACKLOG = Policy("backlog", target=60.0, scale_out_cooldown_s=240.0, scale_in_cooldown_s=600.0)
CPU = Policy("cpu", target=80.0, scale_out_cooldown_s=240.0, scale_in_cooldown_s=600.0)

Metric = float | None


def run(scaler: Scaler, minutes: Sequence[tuple[Metric, ...]], first: int = 0) -> list[Activity]:
    activities = [scaler.minute((first + n) * PERIOD_S, metrics) for n, metrics in enumerate(minutes)]
    return [activity for activity in activities if activity is not None]


def test_three_minutes_above_the_target_add_in_proportion() -> None:
    scaler = Scaler([BACKLOG], 2, 20)
    assert run(scaler, [(170.0,)] * (HIGH_PERIODS - 1)) == []
    assert run(scaler, [(170.0,)], 2) == [Activity(120, 2, 6, ("backlog",))]  # 2 * 170 / 60, rounded up


def test_no_more_than_the_most() -> None:
    scaler = Scaler([BACKLOG], 2, 8)
    run(scaler, [(6000.0,)] * 3)
    assert scaler.capacity == 8


def test_in_the_cooldown_only_a_larger_step_counts_from_where_it_began() -> None:
    scaler = Scaler([BACKLOG], 2, 20)
    run(scaler, [(90.0,)] * 3)
    assert scaler.capacity == 3
    assert run(scaler, [(90.0,)], 3) == []  # 2 * 1.5 is there already; 3 * 1.5 would be 5
    assert run(scaler, [(150.0,)], 4) == [Activity(240, 3, 5, ("backlog",))]
    assert run(scaler, [(150.0,)], 5) == []
    assert run(scaler, [(90.0,)], 6) == [Activity(360, 5, 8, ("backlog",))]  # the first step's cooldown is over


def test_a_quarter_of_an_hour_below_takes_away() -> None:
    scaler = Scaler([BACKLOG], 2, 8)
    run(scaler, [(600.0,)] * 3)
    assert run(scaler, [(20.0,)] * (LOW_PERIODS - 1), 3) == []
    assert run(scaler, [(20.0,)], 17) == [Activity(1020, 8, 3, ("backlog",))]


def test_between_the_alarms_nothing_happens() -> None:
    scaler = Scaler([BACKLOG], 2, 20)
    run(scaler, [(600.0,)] * 3)
    assert run(scaler, [(55.0,)] * 60, 3) == []  # 20 * 55 / 60 would be 19


def test_it_takes_all_policies_to_take_away_and_one_to_add() -> None:
    scaler = Scaler([BACKLOG, CPU], 2, 8)
    assert run(scaler, [(0.0, 100.0)] * 3) == [Activity(120, 2, 3, ("cpu",))]
    assert run(scaler, [(0.0, 75.0)] * 60, 10) == []
    [activity] = run(scaler, [(0.0, 30.0)] * 15, 70)
    assert (activity.after, activity.why) == (2, ("backlog", "cpu"))


def test_the_largest_capacity_wins() -> None:
    scaler = Scaler([BACKLOG, CPU], 2, 8)
    run(scaler, [(150.0, 100.0)] * 3)
    assert scaler.capacity == 5


def test_a_gap_starts_the_count_anew() -> None:
    scaler = Scaler([BACKLOG], 2, 8)
    assert run(scaler, [(600.0,), (600.0,), (None,), (600.0,), (600.0,)]) == []
    assert len(run(scaler, [(600.0,)], 5)) == 1


@pytest.mark.parametrize("lag", [None, 0.0], ids=["missing", "there"])
def test_a_policy_without_data_takes_nothing_away(lag: Metric) -> None:
    scaler = Scaler([BACKLOG, CPU], 2, 8)
    run(scaler, [(600.0, 100.0)] * 3)
    taken = run(scaler, [(lag, 5.0)] * 30, 3)
    assert bool(taken) == (lag is not None)


def test_adding_ends_the_cooldown_of_taking_away() -> None:
    slow = Policy("backlog", 60.0, scale_out_cooldown_s=240.0, scale_in_cooldown_s=7200.0)
    scaler = Scaler([slow], 2, 8)
    run(scaler, [(600.0,)] * 3)
    assert len(run(scaler, [(50.0,)] * 15, 3)) == 1
    assert run(scaler, [(20.0,)] * 30, 18) == []  # in the cooldown
    assert [activity.after for activity in run(scaler, [(120.0,)] * 3, 48)] == [8]
    assert len(run(scaler, [(20.0,)] * 15, 51)) == 1


MINUTE = st.tuples(st.none() | st.floats(0, 5000), st.none() | st.floats(0, 100))
STEPS = st.lists(st.tuples(st.integers(1, 20), MINUTE), max_size=20)


@settings(derandomize=True, deadline=None)
@given(steps=STEPS)
def test_whatever_the_metrics_do(steps: list[tuple[int, tuple[Metric, Metric]]]) -> None:
    minutes = [metrics for times, metrics in steps for _ in range(times)]
    scaler = Scaler([BACKLOG, CPU], 2, 8)
    last_in_s, at_s = -1e9, 0
    for n, metrics in enumerate(minutes):
        at_s = n * PERIOD_S
        before = scaler.capacity
        activity = scaler.minute(at_s, metrics)
        assert 2 <= scaler.capacity <= 8
        assert (activity is None) == (scaler.capacity == before)
        if activity is None:
            continue
        newest = minutes[: n + 1]
        if activity.after > activity.before:
            last_in_s = -1e9
            assert any(
                len(newest) >= 3 and all(value is not None and value > policy.target for value in column[-3:])
                for policy, column in zip((BACKLOG, CPU), zip(*newest, strict=True), strict=True)
            )
        else:
            assert at_s - last_in_s >= 600
            last_in_s = at_s
            for policy, column in zip((BACKLOG, CPU), zip(*newest[-15:], strict=True), strict=True):
                assert len(column) == 15
                assert all(value is not None and value < 0.9 * policy.target for value in column)


def test_nothing_is_scaled_without_any_data() -> None:
    scaler = Scaler([BACKLOG, CPU], 2, 8)
    run(scaler, [(150.0, 90.0)] * 3)
    assert run(scaler, [(None, None)] * 60, 3) == []
