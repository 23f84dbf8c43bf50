"""Counting outcomes from the first to the last."""

import os
from collections.abc import Callable

import pytest

from lab.kit import drain as module
from lab.kit.drain import await_outcomes, drain
from schemas.errors import TransportError


def counting(*counts: int) -> Callable[[], int]:
    """Each call the next count; the last one for ever."""
    left = list(counts)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_what_was_there_at_the_first_look_does_not_count() -> None:
    seen: list[str] = []
    found = drain(counting(0, 3, 4, 6, 10), 10, [os.getpid()], at_first=lambda: seen.append("first"))
    assert seen == ["first"]
    assert found.jobs == 6  # 4 were there when the time began
    assert found.seconds > 0
    assert found.usages[0].rss_mb > 0


def test_the_time_may_end_it() -> None:
    assert drain(counting(1, 1, 5), 1_000, [], seconds=0.0).jobs == 4


def test_rates_are_of_what_was_counted() -> None:
    found = module.Drained(jobs=200, seconds=4.0, cpu_s=0.5, usages=[])
    assert (found.jobs_per_s, found.cpu_us_per_job) == (50.0, 2500.0)


def test_outcomes_that_stop_growing_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALLED_AFTER_S", 0.0)
    with pytest.raises(TransportError, match="expected 5 outcomes, got 2"):
        await_outcomes(counting(1, 2), 5)
