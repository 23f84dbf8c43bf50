"""Cost: formulas checked by hand, and the words of deploy/terraform that they rest on."""

import re

import pytest

from lab.benchmarks import cost
from lab.benchmarks.cost import (
    DEFAULT_NODE,
    compute_usd,
    crossing_usd,
    disk_usd,
    fixed_usd,
    store_usd,
    task_usd_per_hour,
)
from lab.benchmarks.prices import Price, prices
from lab.benchmarks.terraform_defaults import FOLDER, default

ROUND = {name: Price(1.0, "", "2026", "https://") for name in prices()}


@pytest.fixture
def round_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything costs a dollar."""
    monkeypatch.setattr(cost, "prices", lambda: ROUND)


@pytest.mark.usefixtures("round_prices")
def test_by_hand() -> None:
    assert (default("task_cpu"), default("task_memory_mib")) == (1024, 2048)
    assert task_usd_per_hour() == 1 + 2
    assert default("cpu_target_percent") == 80
    assert compute_usd("ARM", 1e6 / 3600 / 0.8) == pytest.approx(3)  # a million in an hour
    assert disk_usd(1000) == pytest.approx(3 / 0.8 * 7 / (730 / 24))
    assert crossing_usd(1000, 500) == pytest.approx(2 / 3 * 2.5)
    assert store_usd(13.07 * 2**30 * 0.75 * 0.8 / 1e6, 1) == pytest.approx(2 * 24)  # a million fill two nodes
    assert list(fixed_usd().values()) == pytest.approx([3 * 730, 322.1, 2 * 730, 15 * 730, 6 * 730], abs=0.1)
    small = [3 * 730, 64.4, 730, 5 * 730, (0.5 + 1) * 730]
    assert list(fixed_usd("small").values()) == pytest.approx(small, abs=0.1)


def test_each_machine_has_its_prices_and_spot_is_the_cheapest() -> None:
    usd = [task_usd_per_hour(machine) for machine in ("x86", "ARM", "x86 Spot")]
    assert usd == sorted(usd, reverse=True)


def test_what_terraform_says_in_words() -> None:
    text = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.tf")}
    [endpoints] = re.findall(r"^  endpoints = concat\(\[(.*?)\]", text["network.tf"], re.MULTILINE)
    assert len(endpoints.split(",")) == cost.ENDPOINTS
    assert f"default.replication.factor={cost.REPLICAS}" in text["msk.tf"]
    assert f'"retention.ms" = tostring({cost.RETENTION_DAYS} * local.day_ms)' in text["msk.tf"]
    assert default("redis_nodes") == cost.STORE_NODES
    for name, type_ in (("broker_type", "kafka.m7g.large"), ("redis_node_type", f"cache.{DEFAULT_NODE}")):
        assert re.search(rf'^variable "{name}" \{{[^}}]*default     = "{re.escape(type_)}"', text["variables.tf"], re.M)
    thresholds = re.findall(r"threshold +=\s(\d+)$", text["alarms.tf"], re.MULTILINE)
    assert thresholds.count(f"{cost.FULL_ALARM * 100:.0f}") == 3  # store, its thread, and disks


def test_a_small_stack_costs_a_fifth() -> None:
    assert sum(fixed_usd("small").values()) < 0.25 * sum(fixed_usd().values())


def test_what_was_not_measured_says_so() -> None:
    lines = cost.variable_table(cost.cost()).splitlines()
    assert [line for line in lines if "ARM" in line] == [line for line in lines if "**not measured**" in line]
