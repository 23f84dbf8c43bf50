"""What does a million jobs cost on AWS? What every job adds, and what a month costs without any, from measured figures.

    python -m lab.benchmarks.cost [--json] [--output FILE]

Jobs/s are those of lab/results/pipeline.json, bytes those of footprint.json, prices those of
l../lab/benchmarks/prices.toml, sizes, brokers and days the defaults of deploy/terraform. Nothing was billed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.benchmarks.prices import Price, prices, region
from lab.benchmarks.terraform_defaults import default, prediction_days, stack
from lab.kit.report import arguments, command_of, show
from mmdigit.settings.program import run_program

RESULTS = Path(__file__).parents[1] / "results"

HOURS_A_MONTH = 730.0
DAYS_A_MONTH = HOURS_A_MONTH / 24
MILLION = 1_000_000
GB = 1e9
GIB = 2**30

# What deploy/terraform says in words and not in variables; a test reads it there.
REPLICAS = 3
RETENTION_DAYS = 7
ZONES = 3
ENDPOINTS = 5
STORE_NODES = 2
FULL_ALARM = 0.8
"""Share of the brokers' disks and of the store above which somebody is told."""

STORE_USABLE = 0.75
"""Of a node's memory: the rest is reserved for replication and snapshots (reserved-memory-percent 25).
Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/redis-memory-management.html"""

STORE_NODES_GIB = {
    "r7g.large": 13.07,
    "r7g.xlarge": 26.32,
    "r7g.2xlarge": 52.82,
    "r7g.4xlarge": 105.81,
    "r7g.8xlarge": 209.55,
    "r7g.16xlarge": 419.09,
}
"""Memory of ElastiCache's nodes. Source: https://aws.amazon.com/elasticache/pricing/ (not looked up)."""

DEFAULT_NODE = "r7g.large"

ELSEWHERE = (ZONES - 1) / ZONES
"""Share of what is sent that leads into another zone: producers, brokers and workers are spread evenly."""

MACHINES = {
    "x86": "fargate_x86",
    "ARM": "fargate_arm",
    "x86 Spot": "fargate_spot_x86",
}


def result_of(name: str) -> dict[str, Any]:
    """The committed result of that benchmark."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def task_usd_per_hour(machine: str = "x86", profile: str | None = None) -> float:
    """Of a task of deploy/terraform's size. machine: one of MACHINES; profile: as stack takes it."""
    usd, has = prices(), stack(profile)
    vcpus, gib = int(has["task_cpu"]) / 1024, int(has["task_memory_mib"]) / 1024
    name = MACHINES[machine]
    return vcpus * usd[f"{name}_vcpu_hour"].usd + gib * usd[f"{name}_gib_hour"].usd


def compute_usd(machine: str, jobs_per_s: float) -> float:
    """Tasks for a million jobs: at the CPU target of the scaling, which leaves the rest idle."""
    busy_share = default("cpu_target_percent") / 100
    return task_usd_per_hour(machine) * MILLION / (jobs_per_s * busy_share * 3600)


def disk_usd(job_bytes: float) -> float:
    """Brokers' disks for a million jobs: all replicas, as long as the topic keeps them, with room below the alarm."""
    months = RETENTION_DAYS / DAYS_A_MONTH
    return MILLION * job_bytes / GB * REPLICAS / FULL_ALARM * months * prices()["kafka_disk_gb_month"].usd


def crossing_usd(job_bytes: float, prediction_bytes: float) -> float:
    """Between zones for a million jobs: producer to broker, broker to worker, worker to store. Brokers among
    themselves cost nothing."""
    crossing = ELSEWHERE * (2 * job_bytes + prediction_bytes)
    return MILLION * crossing / GB * prices()["zone_crossing_gb"].usd


def store_usd(prediction_bytes: float, days: float) -> float:
    """Memory of both nodes for a million predictions over so many days, with room below the alarm."""
    nodes = MILLION * prediction_bytes / (STORE_NODES_GIB[DEFAULT_NODE] * GIB * STORE_USABLE * FULL_ALARM)
    return nodes * STORE_NODES * prices()["valkey_r7g_large_hour"].usd * 24 * days


def fixed_usd(profile: str | None = None) -> dict[str, float]:
    """A month without a job, by what it is paid for. profile: as stack takes it."""
    usd, has = prices(), stack(profile)

    def hourly(kind: str) -> float:
        return usd[kind.replace(".", "_") + "_hour"].usd * HOURS_A_MONTH

    brokers, volume_gib, nodes = int(has["broker_count"]), int(has["broker_volume_gib"]), int(has["redis_nodes"])
    zones, tasks = int(has["endpoint_zones"]), int(has["min_capacity"])
    return {
        f"{brokers} brokers, {has['broker_type']}": brokers * hourly(has["broker_type"]),
        f"their disks, {volume_gib} GiB each": brokers * volume_gib * GIB / GB * usd["kafka_disk_gb_month"].usd,
        f"store, {has['redis_node_type']} x {nodes}": nodes * hourly(has["redis_node_type"].replace("cache", "valkey")),
        f"{ENDPOINTS} endpoints in {zones} of {ZONES} zones": ENDPOINTS * zones * hourly("interface_endpoint_zone"),
        f"{tasks} x {int(has['task_cpu']) / 1024:g} vCPU always run, x86": tasks
        * task_usd_per_hour(profile=profile)
        * HOURS_A_MONTH,
    }


def cost() -> dict[str, Any]:
    """All figures, in $."""
    kafka, store = result_of("footprint")["kafka"], result_of("footprint")["redis"]
    measured = result_of("pipeline")["transports"]["kafka+redis"]["one_worker"]["jobs_per_s"]["median"]
    speeds = {"as measured": measured, "as assumed": default("jobs_per_second_per_task")}
    days = prediction_days()
    return {
        "command": command_of("lab.benchmarks.cost", None),
        "region": region(),
        "jobs_per_s": speeds,
        "task_usd_per_hour": {machine: task_usd_per_hour(machine) for machine in MACHINES},
        "compute_usd_per_million": {
            machine: {speed: compute_usd(machine, jobs_per_s) for speed, jobs_per_s in speeds.items()}
            for machine in MACHINES
        },
        "other_usd_per_million": {
            f"brokers' disks: {REPLICAS} replicas for {RETENTION_DAYS} days": disk_usd(kafka["log_bytes"]["none"]),
            "the same, if the producer compressed with zstd": disk_usd(kafka["log_bytes"]["zstd"]),
            "between zones": crossing_usd(kafka["log_bytes"]["none"], store["json_bytes"]),
            "store, 1 day": store_usd(store["bytes"]["max"], 1),
            f"store, {days:.0f} days": store_usd(store["bytes"]["max"], days),
        },
        "fixed_usd_per_month": fixed_usd(),
        "small_usd_per_month": fixed_usd("small"),
        "serverless_usd_per_month": prices()["kafka_serverless_hour"].usd * HOURS_A_MONTH,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.cost", _main, argv)


def _main(argv: Sequence[str]) -> int:
    options = arguments("lab.benchmarks.cost", __doc__, on_data=False).parse_args(argv)
    return show(options, cost(), lambda found: f"{variable_table(found)}\n\n{fixed_table(found)}\n\n{prices_table()}")


def variable_table(found: dict[str, Any]) -> str:
    """Markdown: what a million jobs add."""
    speeds = found["jobs_per_s"]
    lines = [
        f"| a million jobs add | {' | '.join(f'{jobs:.0f} jobs/s a task, {how}' for how, jobs in speeds.items())} |",
        f"|---|{'---|' * len(speeds)}",
    ]
    for machine, usd in found["compute_usd_per_million"].items():
        note = ", at the same jobs/s as x86: **not measured**" if machine == "ARM" else ""
        hourly = found["task_usd_per_hour"][machine]
        cells = " | ".join(f"${usd[speed]:.4f}" for speed in speeds)
        lines.append(f"| tasks, {machine}, ${hourly:.4f} an hour each{note} | {cells} |")
    for what, usd in found["other_usd_per_million"].items():
        lines.append(f"| {what} | {' | '.join([f'${usd:.2f}'] * len(speeds))} |")
    return "\n".join(lines)


def fixed_table(found: dict[str, Any]) -> str:
    """Markdown: what a month costs without a job, by default and with small.tfvars."""
    lines = ["| by default | $ | with small.tfvars | $ |", "|---|---|---|---|"]
    fixed, small = found["fixed_usd_per_month"], found["small_usd_per_month"]
    for (what, usd), (other, less) in zip(fixed.items(), small.items(), strict=True):
        lines.append(f"| {what} | {usd:.0f} | {other} | {less:.0f} |")
    return "\n".join([*lines, f"| all | {sum(fixed.values()):.0f} | all | {sum(small.values()):.0f} |"])


def prices_table() -> str:
    """Markdown: each price with its day and source."""

    def row(name: str, price: Price) -> str:
        return f"| {name.replace('_', ' ')} | {price.usd:g} | {price.unit} | {price.as_of} | {price.source} |"

    lines = ["| price | $ | for a | as of | source |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(row(name, price) for name, price in prices().items())])


if __name__ == "__main__":
    raise SystemExit(main())
