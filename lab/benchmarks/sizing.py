"""How much does a load need? Tasks, partitions, disks and memory for a number of jobs a day, from measured inputs.

    python -m lab.benchmarks.sizing [--jobs-a-day N ...] [--peak TIMES] [--task-usd-per-hour PRICE] [--json]

Inputs are lab/results/pipeline.json and footprint.json, the defaults of deploy/terraform, and your price of a task.
docs/operate/sizing.md shows these tables.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lab.benchmarks.terraform_defaults import default
from lab.kit.report import arguments, show
from mmdigit.settings.program import run_program
from mmdigit.transport.redis.keys import BUCKETS

RESULTS = Path(__file__).parents[1] / "results"
MILLION = 1_000_000
GB, GIB = 1e9, 2**30
JOBS_A_DAY = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
PEAK = 2.0
"""Jobs of the busiest hour relative to the mean one: an assumption; --peak takes yours."""

TASK_USD_PER_HOUR = 0.0494
"""A task of 1 vCPU and 2 GiB on Fargate, x86, in us-east-1: 0.04048 + 2 x 0.004445, as of April 2026.
Source: https://cloudburn.io/blog/aws-fargate-pricing"""

# Constants of deploy/terraform that are no variables; a test compares them.
REPLICAS = 3
RETENTION_DAYS = 7
FULL_ALARM = 0.8
"""Share of the brokers' disks and of the store above which an alarm fires."""

PARTITIONS_PER_TASK = 3
BROKERS_STEP = ZONES = 3  # the same number of brokers in each zone
CROSS_ZONE_SHARE = (ZONES - 1) / ZONES
"""Share of the traffic between zones, with producers, brokers and workers spread evenly."""

BROKER_VOLUME_GIB = 16_384
"""The maximum of deploy/terraform and of MSK."""

BROKER_DISK_MB_S = 78.75
"""Sustained writes of a kafka.m7g.large: 630 Mbit/s. Not measured.
Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (EBS baseline of m7g.large)"""

STORE_USABLE = 0.75
"""Share of a node's memory; the rest is reserved for replication and snapshots (reserved-memory-percent 25).
Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/redis-memory-management.html"""

STORE_NODES_GIB = {"r7g.large": 13.07, "r7g.xlarge": 26.32, "r7g.2xlarge": 52.82}
STORE_NODES_GIB |= {"r7g.4xlarge": 105.81, "r7g.8xlarge": 209.55, "r7g.16xlarge": 419.09}
"""Memory of ElastiCache's nodes. Source: https://aws.amazon.com/elasticache/pricing/ (not looked up)."""

DEFAULT_NODE = "r7g.large"


class Inputs(NamedTuple):
    """Inputs of the formulas. jobs_per_s: of a task; rss_mb: of a worker; feed_bytes: in all; the rest: per job."""

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
    """The measured inputs, and the jobs/s of a task that deploy/terraform assumes."""
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
    """Days that the store keeps a prediction by default."""
    return default("prediction_ttl_s") / 86400


def room_bytes(node: str, given: Inputs) -> float:
    """Bytes for predictions on a node of the store, below the alarm."""
    return STORE_NODES_GIB[node] * GIB * STORE_USABLE * FULL_ALARM - given.feed_bytes


def default_holds(given: Inputs) -> dict[str, float]:
    """The capacity of deploy/terraform's defaults: jobs a day by disk, stored predictions by memory."""
    disks_bytes = default("broker_count") * default("broker_volume_gib") * GIB * FULL_ALARM
    return {
        "jobs_a_day": disks_bytes / (REPLICAS * RETENTION_DAYS * given.job_bytes),
        "predictions": room_bytes(DEFAULT_NODE, given) / given.prediction_bytes,
    }


def a_million(given: Inputs, task_usd_per_hour: float) -> dict[str, float]:
    """What a million jobs use, and the $ for their tasks."""
    busy_share = default("cpu_target_percent") / 100
    task_hours = MILLION / (given.jobs_per_s * busy_share * 3600)
    return {
        "task_hours": task_hours,
        "task_usd": task_hours * task_usd_per_hour,
        "disk_gb_days": MILLION * given.job_bytes * REPLICAS / FULL_ALARM * RETENTION_DAYS / GB,
        "store_gb": MILLION * given.prediction_bytes / GB,
        "between_zones_gb": MILLION * CROSS_ZONE_SHARE * (2 * given.job_bytes + given.value_bytes) / GB,
    }


def size(jobs_a_day: float, given: Inputs, peak: float = PEAK) -> dict[str, Any]:
    """What that many jobs a day need."""
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
    """The fewest primaries of which the fullest fits its node; buckets are not split. "none": it never fits."""
    shares = ((count, math.ceil(BUCKETS / count) / BUCKETS) for count in range(1, BUCKETS + 1))
    return next((str(count) for count, share in shares if store_bytes * share <= room), "none")


def computed(
    jobs_a_day: Sequence[float] = JOBS_A_DAY, peak: float = PEAK, task_usd_per_hour: float = TASK_USD_PER_HOUR
) -> dict[str, Any]:
    """All figures, from the committed results."""
    given = inputs()
    return {
        "command": "python -m lab.benchmarks.sizing",
        "inputs": given._asdict(),
        "peak": peak,
        "task_usd_per_hour": task_usd_per_hour,
        "sizes": [size(jobs, given, peak) for jobs in jobs_a_day],
        "a_million": a_million(given, task_usd_per_hour),
    }


def sizes_table(found: dict[str, Any]) -> str:
    """Markdown: one row a quantity, with its formula. found: as `python -m lab.benchmarks.sizing --json` prints it."""
    given, days = Inputs(**found["inputs"]), prediction_days()
    rows = (
        ("jobs/s in the busiest hour", f"{found['peak']:g} x jobs a day / 86400", "peak_jobs_per_s", ",.0f"),
        ("tasks", f"jobs/s / ({_task_jobs_per_s(given)}), at least 2", "tasks", ",.0f"),
        ("partitions", f"3 x tasks, at least {default('partitions'):.0f}", "partitions", ",.0f"),
        ("workers' memory, MB", f"tasks x peak of {given.rss_mb:.0f} MB", "workers_mb", ",.0f"),
        ("tasks' memory, GiB", "tasks x 2 GiB, Fargate's minimum", "tasks_gib", ",.0f"),
        ("brokers write, MB/s", f"jobs/s x {given.job_bytes:.0f} bytes x {REPLICAS}", "written_mb_s", ",.1f"),
        ("brokers' disks, GB", f"jobs x {_disk(given)}", "disk_gb", ",.0f"),
        (
            "brokers, kafka.m7g.large",
            f"by disk, {BROKER_VOLUME_GIB} GiB each, and writes, {BROKER_DISK_MB_S} MB/s x 80 % each; a multiple of 3",
            *("brokers", ",.0f"),
        ),
        (f"store for {days:.0f} days, GB", f"jobs x days x {given.prediction_bytes:.0f} bytes", "store_gb", ",.1f"),
        ("node of the store", "memory x 75 % usable x 80 % full, less the feed", "store_node", "s"),
        (
            "or primaries of a cluster of the largest nodes",
            f"the smallest N whose fullest primary, with {BUCKETS} / N of {BUCKETS} buckets rounded up, fits a node",
            *("primaries", "s"),
        ),
        ("Redis's cores", f"jobs/s x {given.redis_cpu_us:.1f} us", "redis_cores", ".3f"),
    )
    lines = [
        f"| jobs a day | how | {' | '.join(format(each['jobs_a_day'], ',.0f') for each in found['sizes'])} |",
        f"|---|---|{'---|' * len(found['sizes'])}",
    ]
    for what, formula, name, form in rows:
        cells = " | ".join(format(each[name], form) for each in found["sizes"])
        lines.append(f"| {what} | {formula} | {cells} |")
    return "\n".join(lines)


def million_table(found: dict[str, Any]) -> str:
    """Markdown: what a million jobs use. found: as `python -m lab.benchmarks.sizing --json` prints it."""
    given, million, usd = Inputs(**found["inputs"]), found["a_million"], found["task_usd_per_hour"]
    return f"""| a million jobs use | how | |
|---|---|---|
| task-hours | 1,000,000 / ({_task_jobs_per_s(given)} x 3600) | {million["task_hours"]:.2f} |
| $ for these | task-hours x ${usd:g} | {million["task_usd"]:.4f} |
| GB-days of brokers' disks | {_disk(given)} | {million["disk_gb_days"]:.0f} |
| GB of the store while kept | {given.prediction_bytes:.0f} bytes | {million["store_gb"]:.2f} |
| GB between zones | 2/3 x (2 x {given.job_bytes:.0f} + {given.value_bytes:.0f} bytes) \
| {million["between_zones_gb"]:.1f} |"""


def tables(found: dict[str, Any]) -> str:
    return f"{sizes_table(found)}\n\n{million_table(found)}"


def _task_jobs_per_s(given: Inputs) -> str:
    return f"{given.jobs_per_s:.0f} x {default('cpu_target_percent'):.0f} %"


def _disk(given: Inputs) -> str:
    return f"{RETENTION_DAYS} days x {given.job_bytes:.0f} bytes x {REPLICAS} / 80 %"


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.sizing", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.sizing", __doc__, on_data=False)
    parser.add_argument("--jobs-a-day", type=float, nargs="+", default=JOBS_A_DAY, metavar="N", help="loads to size")
    help_ = "jobs of the busiest hour relative to the mean one (default: %(default)s)"
    parser.add_argument("--peak", type=float, metavar="TIMES", default=PEAK, help=help_)
    help_ = "your price of a task (default: %(default)s)"
    parser.add_argument("--task-usd-per-hour", type=float, metavar="PRICE", default=TASK_USD_PER_HOUR, help=help_)
    options = parser.parse_args(argv)
    return show(options, computed(options.jobs_a_day, options.peak, options.task_usd_per_hour), tables)


if __name__ == "__main__":
    raise SystemExit(main())
