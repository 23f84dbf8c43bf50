"""Sizing: formulas checked by hand; what never shrinks; the limits of deploy/terraform."""

from itertools import pairwise

import pytest

from lab.benchmarks.cost import DEFAULT_NODE, STORE_NODES_GIB
from lab.benchmarks.sizing import BROKER_VOLUME_GIB, Inputs, default_holds, main, primaries, size
from lab.benchmarks.terraform_defaults import FOLDER, default

GIVEN = Inputs(
    jobs_per_s=500.0, rss_mb=200.0, job_bytes=10_000.0, prediction_bytes=1000.0, feed_bytes=1e8, redis_cpu_us=20.0
)


def test_by_hand() -> None:
    found = size(86_400_000, GIVEN, peak=2)
    assert found["peak_jobs_per_s"] == 2000
    assert found["tasks"] == 5  # 2000 / (500 * 0.8)
    assert found["partitions"] == 24
    assert found["workers_mb"] == 1000
    assert found["tasks_gib"] == 10
    assert found["written_mb_s"] == pytest.approx(60)
    assert found["disk_gb"] == pytest.approx(86_400_000 * 7 * 1e4 * 3 / 0.8 / 1e9)
    assert found["brokers"] == 3
    assert found["store_gb"] == pytest.approx(2592)
    assert found["store_node"] == "none"
    assert found["primaries"] == "10"  # 13 of 128 buckets, 263 GB, on 269.9
    assert found["most_days"] == pytest.approx((419.09 * 2**30 * 0.6 - 1e8) / 86.4e9)
    assert found["redis_cores"] == pytest.approx(0.04)


@pytest.mark.parametrize(("jobs_a_day", "node"), [(10_000, "r7g.large"), (500_000, "r7g.xlarge"), (1e9, "none")])
def test_the_smallest_node_that_holds_the_predictions(jobs_a_day: float, node: str) -> None:
    assert size(jobs_a_day, GIVEN)["store_node"] == node


def test_buckets_are_dealt_out_whole() -> None:
    assert primaries(1.0, 1.0) == "1"
    assert primaries(1.01, 1.0) == "2"
    assert primaries(64.0, 1.0) == "64"
    assert primaries(65.0, 1.0) == "128"  # any fewer, and one of them has two buckets
    assert primaries(128.1, 1.0) == "none"


def test_brokers_by_what_they_write_and_by_what_they_hold() -> None:
    busy = size(1e9, GIVEN._replace(job_bytes=1000.0), peak=20)  # 694 MB/s at 63 each
    assert busy["brokers"] == 12
    full = size(1e9, GIVEN, peak=1)  # 262 TB on 17.6 each; 347 MB/s
    assert full["brokers"] == 15


def test_nothing_shrinks_as_jobs_grow() -> None:
    found = [size(10**n, GIVEN) for n in range(3, 10)]
    for smaller, larger in pairwise(found):
        for name in smaller.keys() - {"store_node", "primaries", "most_days"}:
            assert larger[name] >= smaller[name], name
    assert found[0]["tasks"] == default("min_capacity")
    assert list(STORE_NODES_GIB.values()) == sorted(STORE_NODES_GIB.values())


def test_a_billion_jobs_a_day_are_within_what_terraform_takes() -> None:
    found = size(1e9, GIVEN)
    assert found["partitions"] <= 1000
    assert found["brokers"] % 3 == 0
    assert f"var.broker_volume_gib <= {BROKER_VOLUME_GIB}" in (FOLDER / "variables.tf").read_text()


def test_what_the_defaults_hold_fills_them_just_to_the_alarm() -> None:
    holds = default_holds(GIVEN)
    assert size(holds["jobs_a_day"], GIVEN)["disk_gb"] == pytest.approx(3 * 100 * 2**30 / 1e9)
    a_day = holds["predictions"] / 30
    assert size(0.999 * a_day, GIVEN)["store_node"] == DEFAULT_NODE
    assert size(1.001 * a_day, GIVEN)["store_node"] != DEFAULT_NODE


def test_other_sizes_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--jobs-a-day", "2e6", "5e6", "--peak", "3"]) == 0
    head, _rule, first, *_ = capsys.readouterr().out.splitlines()
    assert head == "| jobs a day | how | 2,000,000 | 5,000,000 |"
    assert first == "| jobs/s in the busiest hour | 3 x jobs a day / 86400 | 69 | 174 |"
