"""The open-loop schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.pace import Clock, Schedule
from tests.producer.fakes import FakeTime


def test_turns_keep_the_rate() -> None:
    time = FakeTime(now_s=100.0)
    schedule = Schedule(4.0, time.clock)
    taken = []
    for _ in range(5):
        assert schedule.wait_until_due() == 0.0
        taken.append(time.now_s)
    assert taken == [100.0, 100.25, 100.5, 100.75, 101.0]


def test_no_rate_never_waits() -> None:
    time = FakeTime()
    schedule = Schedule(None, time.clock)
    assert [schedule.wait_until_due() for _ in range(3)] == [0.0] * 3
    assert time.slept_s == []


def test_slow_job_does_not_delay_later_turns() -> None:
    time = FakeTime()
    schedule = Schedule(10.0, time.clock)
    schedule.wait_until_due()
    time.now_s = 0.35  # the first job took as long as three turns
    assert [schedule.wait_until_due() for _ in range(3)] == pytest.approx([0.25, 0.15, 0.05])
    assert schedule.wait_until_due() == 0.0
    assert time.now_s == pytest.approx(0.4)


@given(st.floats(0.01, 1e4), st.lists(st.floats(0, 2), max_size=50))
def test_wait_until_due_is_never_early_and_returns_the_delay(rate: float, work_s: list[float]) -> None:
    time = FakeTime()
    schedule = Schedule(rate, time.clock)
    for turn, seconds in enumerate(work_s):
        late_s = schedule.wait_until_due()
        assert time.now_s == pytest.approx(turn / rate + late_s, abs=1e-6)
        assert late_s >= 0
        time.now_s += seconds


def test_clock_is_aware_and_monotonic() -> None:
    clock = Clock()
    assert clock.now().tzinfo is not None
    assert clock.monotonic() <= clock.monotonic()
