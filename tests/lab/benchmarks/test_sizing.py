"""Sizing: formulas against hand-computed values, and its constants against deploy/terraform."""

import re

import pytest

from lab.benchmarks import sizing
from lab.benchmarks.sizing import (
    BROKER_VOLUME_GIB,
    DEFAULT_NODE,
    Inputs,
    a_million,
    default_holds,
    main,
    primaries,
    size,
)
from lab.benchmarks.terraform_defaults import FOLDER, default

GIVEN = Inputs(
    jobs_per_s=500.0,
    rss_mb=200.0,
    job_bytes=10_000.0,
    value_bytes=100.0,
    prediction_bytes=1000.0,
    feed_bytes=1e8,
    redis_cpu_us=20.0,
)


def test_size_matches_hand_computed_values() -> None:
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
    assert found["redis_cores"] == pytest.approx(0.04)


def test_million_matches_hand_computed_values() -> None:
    found = a_million(GIVEN._replace(jobs_per_s=1e6 / 3600 / 0.8), task_usd_per_hour=3.0)
    assert found["task_hours"] == pytest.approx(1)
    assert found["task_usd"] == pytest.approx(3)
    assert found["disk_gb_days"] == pytest.approx(10 * 3 / 0.8 * 7)
    assert found["store_gb"] == pytest.approx(1)
    assert found["between_zones_gb"] == pytest.approx(2 / 3 * 20.1)


def test_primaries_hold_whole_buckets() -> None:
    assert primaries(1.0, 1.0) == "1"
    assert primaries(1.01, 1.0) == "2"
    assert primaries(64.0, 1.0) == "64"
    assert primaries(65.0, 1.0) == "128"  # with fewer, one of them holds two buckets
    assert primaries(128.1, 1.0) == "none"


def test_size_counts_brokers_by_writes_and_by_disk() -> None:
    busy = size(1e9, GIVEN._replace(job_bytes=1000.0), peak=20)  # 694 MB/s at 63 each
    assert busy["brokers"] == 12
    full = size(1e9, GIVEN, peak=1)  # 262 TB on 17.6 each; 347 MB/s
    assert full["brokers"] == 15


def test_default_holds_fills_the_defaults_up_to_the_alarm() -> None:
    holds = default_holds(GIVEN)
    assert size(holds["jobs_a_day"], GIVEN)["disk_gb"] == pytest.approx(3 * 100 * 2**30 / 1e9)
    a_day = holds["predictions"] / 30
    assert size(0.999 * a_day, GIVEN)["store_node"] == DEFAULT_NODE
    assert size(1.001 * a_day, GIVEN)["store_node"] != DEFAULT_NODE


def test_constants_are_those_of_terraform() -> None:
    text = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.tf")}
    assert f"default.replication.factor={sizing.REPLICAS}" in text["msk.tf"]
    assert f'"retention.ms" = tostring({sizing.RETENTION_DAYS} * local.day_ms)' in text["msk.tf"]
    assert f"var.broker_volume_gib <= {BROKER_VOLUME_GIB}" in text["variables.tf"]
    assert f'default     = "cache.{DEFAULT_NODE}"' in text["variables.tf"]
    thresholds = re.findall(r"threshold +=\s(\d+)$", text["alarms.tf"], re.MULTILINE)
    assert thresholds.count(f"{sizing.FULL_ALARM * 100:.0f}") == 3  # store, its thread, and disks


def test_jobs_per_task_are_at_most_half_of_the_measured() -> None:
    found = sizing.result_of("pipeline")["transports"]["kafka+redis"]["one_worker"]
    assert default("jobs_per_second_per_task") <= found["jobs_per_s"]["median"] / 2


def test_command_computes_other_sizes_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--jobs-a-day", "2e6", "5e6", "--peak", "3", "--task-usd-per-hour", "0.1"]) == 0
    head, _rule, first, *rest = capsys.readouterr().out.splitlines()
    assert head == "| jobs a day | how | 2,000,000 | 5,000,000 |"
    assert first == "| jobs/s in the busiest hour | 3 x jobs a day / 86400 | 69 | 174 |"
    assert "| $ for these | task-hours x $0.1 | 0.0579 |" in rest
