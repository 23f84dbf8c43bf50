"""How large must it be? Tasks, partitions, disks and memory for so many jobs a day: formulas whose inputs are measured.

    python -m benchmarks.sizing [--jobs-a-day N ...] [--peak TIMES] [--task-usd-per-hour PRICE] [--json] [--output FILE]

Inputs are benchmarks/results/pipeline.json and footprint.json, the defaults of deploy/terraform, and the price that you
pay for a task. docs/sizing.md is made of these tables.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import arguments, command_of, show
from benchmarks.terraform_defaults import default
from schemas.settings import run_program
from transport.redis_layout import BUCKETS

RESULTS = Path(__file__).parent / "results"
MILLION = 1_000_000
GB, GIB = 1e9, 2**30
JOBS_A_DAY = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
PEAK = 2.0
"""The busiest hour over the mean one: an assumption, --peak takes yours."""

TASK_USD_PER_HOUR = 0.0494
"""A task of 1 vCPU and 2 GiB on Fargate, x86, in us-east-1: 0.04048 + 2 x 0.004445, as of April 2026.
Source: https://cloudburn.io/blog/aws-fargate-pricing"""

# What deploy/terraform says in words and not in variables; a test reads it there.
REPLICAS = 3
RETENTION_DAYS = 7
FULL_ALARM = 0.8
"""Share of the brokers' disks and of the store above which somebody is told."""

PARTITIONS_PER_TASK = 3
BROKERS_STEP = ZONES = 3  # as many brokers in each zone
ELSEWHERE = (ZONES - 1) / ZONES
"""Share of what is sent that leads into another zone: producers, brokers and workers are spread evenly."""

BROKER_VOLUME_GIB = 16_384
"""The most that deploy/terraform and MSK take."""

BROKER_DISK_MB_S = 78.75
"""What a kafka.m7g.large writes for good: 630 Mbit/s. Not measured.
Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (EBS baseline of m7g.large)"""

STORE_USABLE = 0.75
"""Of a node's memory: the rest is reserved for replication and snapshots (reserved-memory-percent 25).
Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/redis-memory-management.html"""

STORE_NODES_GIB = {"r7g.large": 13.07, "r7g.xlarge": 26.32, "r7g.2xlarge": 52.82}
STORE_NODES_GIB |= {"r7g.4xlarge": 105.81, "r7g.8xlarge": 209.55, "r7g.16xlarge": 419.09}
"""Memory of ElastiCache's nodes. Source: https://aws.amazon.com/elasticache/pricing/ (not looked up)."""

DEFAULT_NODE = "r7g.large"


class Inputs(NamedTuple):
    """What the formulas start from. jobs_per_s: of a task; rss_mb: of a worker; the rest of one job or prediction."""

    jobs_per_s: float
    rss_mb: float
    job_bytes: float
    value_bytes: float
    prediction_bytes: float
    feed_bytes: float
    redis_cpu_us: float


def result_of(name: str) -> dict[str, Any]:
    """The committed result of that benchmark."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def inputs() -> Inputs:
    """Measured; a task's jobs/s as deploy/terraform assumes them."""
    footprint, one = result_of("footprint"), result_of("pipeline")["transports"]["kafka+redis"]["one_worker"]
    return Inputs(
        jobs_per_s=default("jobs_per_second_per_task"),
        rss_mb=one["peak_rss_mb"]["max"],
        job_bytes=footprint["kafka"]["log_bytes"]["none"],
        value_bytes=footprint["redis"]["value_bytes"],
        prediction_bytes=footprint["redis"]["bytes"]["max"],
        feed_bytes=footprint["redis"]["feed_bytes"],
        redis_cpu_us=footprint["redis"]["redis_cpu_us"],
    )


def prediction_days() -> float:
    """How long the store keeps a prediction by default."""
    return default("prediction_ttl_s") / 86400


def room_bytes(node: str, given: Inputs) -> float:
    """For predictions, on a node of the store, below the alarm."""
    return STORE_NODES_GIB[node] * GIB * STORE_USABLE * FULL_ALARM - given.feed_bytes


def default_holds(given: Inputs) -> dict[str, float]:
    """What deploy/terraform's default disks and node hold: jobs a day, and predictions at once."""
    disks_bytes = default("broker_count") * default("broker_volume_gib") * GIB * FULL_ALARM
    return {
        "jobs_a_day": disks_bytes / (REPLICAS * RETENTION_DAYS * given.job_bytes),
        "predictions": room_bytes(DEFAULT_NODE, given) / given.prediction_bytes,
    }


def a_million(given: Inputs, task_usd_per_hour: float) -> dict[str, float]:
    """What a million jobs take of all that is paid for, and $ for its tasks."""
    busy_share = default("cpu_target_percent") / 100
    task_hours = MILLION / (given.jobs_per_s * busy_share * 3600)
    return {
        "task_hours": task_hours,
        "task_usd": task_hours * task_usd_per_hour,
        "disk_gb_days": MILLION * given.job_bytes * REPLICAS / FULL_ALARM * RETENTION_DAYS / GB,
        "store_gb": MILLION * given.prediction_bytes / GB,
        "between_zones_gb": MILLION * ELSEWHERE * (2 * given.job_bytes + given.value_bytes) / GB,
    }


def size(jobs_a_day: float, given: Inputs, peak: float = PEAK) -> dict[str, Any]:
    """What so many jobs a day need."""
    peak_jobs_per_s = peak * jobs_a_day / 86400
    busy_share = default("cpu_target_percent") / 100
    tasks = max(default("min_capacity"), math.ceil(peak_jobs_per_s / (given.jobs_per_s * busy_share)))
    written_mb_s = peak_jobs_per_s * given.job_bytes * REPLICAS / 1e6
    disk_bytes = jobs_a_day * RETENTION_DAYS * given.job_bytes * REPLICAS / FULL_ALARM
    brokers = BROKERS_STEP * math.ceil(
        max(disk_bytes / (BROKER_VOLUME_GIB * GIB), written_mb_s / (BROKER_DISK_MB_S * FULL_ALARM)) / BROKERS_STEP
    )
    room = {name: room_bytes(name, given) for name in STORE_NODES_GIB}
    store_bytes = jobs_a_day * prediction_days() * given.prediction_bytes
    return {
        "jobs_a_day": jobs_a_day,
        "peak_jobs_per_s": peak_jobs_per_s,
        "tasks": tasks,
        "partitions": max(default("partitions"), PARTITIONS_PER_TASK * tasks),
        "workers_mb": tasks * given.rss_mb,
        "tasks_gib": tasks * default("task_memory_mib") / 1024,
        "written_mb_s": written_mb_s,
        "disk_gb": disk_bytes / GB,
        "brokers": brokers,
        "store_gb": store_bytes / GB,
        "store_node": next((name for name, free in room.items() if store_bytes <= free), "none"),
        "primaries": primaries(store_bytes, max(room.values())),
        "redis_cores": peak_jobs_per_s * given.redis_cpu_us / 1e6,
    }


def primaries(store_bytes: float, room: float) -> str:
    """The least number whose fullest primary has no more than room; buckets are dealt out whole. "none": too much."""
    shares = ((count, math.ceil(BUCKETS / count) / BUCKETS) for count in range(1, BUCKETS + 1))
    return next((str(count) for count, share in shares if store_bytes * share <= room), "none")


def computed(
    jobs_a_day: Sequence[float] = JOBS_A_DAY, peak: float = PEAK, task_usd_per_hour: float = TASK_USD_PER_HOUR
) -> dict[str, Any]:
    """All figures, from the committed results."""
    given = inputs()
    return {
        "command": command_of("benchmarks.sizing", None),
        "inputs": given._asdict(),
        "peak": peak,
        "task_usd_per_hour": task_usd_per_hour,
        "sizes": [size(jobs, given, peak) for jobs in jobs_a_day],
        "a_million": a_million(given, task_usd_per_hour),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m benchmarks.sizing", _main, argv)


def _main(argv: Sequence[str]) -> int:
    from benchmarks.sizing_page import tables

    parser = arguments("benchmarks.sizing", __doc__, on_data=False)
    parser.add_argument("--jobs-a-day", type=float, nargs="+", default=JOBS_A_DAY, help="sizes to compute")
    help_ = "busiest hour over the mean one (default: %(default)s)"
    parser.add_argument("--peak", type=float, default=PEAK, help=help_)
    help_ = "what you pay for a task (default: %(default)s)"
    parser.add_argument("--task-usd-per-hour", type=float, default=TASK_USD_PER_HOUR, help=help_)
    options = parser.parse_args(argv)
    return show(options, computed(options.jobs_a_day, options.peak, options.task_usd_per_hour), tables)


if __name__ == "__main__":
    raise SystemExit(main())
