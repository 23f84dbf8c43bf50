"""Compose workers scaled 1 -> 4 -> 1 under load."""

import pytest

from lab.faults import rebalance
from lab.faults.rebalance import WAYS, scale
from lab.faults.watch import longest_pause_s
from lab.kit.compose import PARTITIONS
from producer.sources.sample import Sample
from tests.lab.faults.conftest import Expected


@pytest.mark.parametrize(
    ("times_s", "pause_s"), [([], 10.0), ([12.0], 8.0), ([9.0, 11.0, 12.0, 19.0, 21.0], 7.0), ([10.0, 20.0], 10.0)]
)
def test_the_longest_pause_counts_both_ends(times_s: list[float], pause_s: float) -> None:
    assert longest_pause_s(times_s, 10.0, 20.0) == pause_s


@pytest.mark.docker
@pytest.mark.timeout(600)  # the first stack builds the image
def test_nothing_is_lost_as_workers_come_and_go(
    samples: list[Sample], expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebalance, "STEADY_S", 1.0)
    found = scale(WAYS[0], samples, expected, 100.0)
    assert (found["lost"], found["wrong"]) == (0, 0)
    assert found["jobs"] == len(found["answers_at_s"]) + found["dead"] > 500
    assert [step["name"] for step in found["steps"]] == ["no change", "1 -> 4", "restart of one", "4 -> 1"]
    assert all(len(step["pauses_s"]) == PARTITIONS for step in found["steps"])
