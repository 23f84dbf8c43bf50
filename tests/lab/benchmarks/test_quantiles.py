"""Quantiles of durations, in milliseconds."""

import math

import pytest

from lab.kit.quantiles import quantiles_ms


def test_they_are_those_of_the_known_durations() -> None:
    found = quantiles_ms([None, math.nan, *(number / 1000 for number in range(1, 1001))])
    assert found == {
        "p50": pytest.approx(500, rel=2e-3),
        "p99": pytest.approx(990, rel=2e-3),
        "p99.9": pytest.approx(999, rel=2e-3),
        "max": pytest.approx(1000, rel=2e-3),
    }


def test_durations_outside_the_range_count_at_its_ends() -> None:
    found = quantiles_ms([-0.001, 1e6])
    assert found["p50"] == 0.001
    assert found["max"] == pytest.approx(3_600_000, rel=2e-3)


def test_of_nothing_there_are_none() -> None:
    found = quantiles_ms([None])
    assert list(found) == ["p50", "p99", "p99.9", "max"]
    assert all(math.isnan(value) for value in found.values())
