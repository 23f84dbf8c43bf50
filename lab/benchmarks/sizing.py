"""How large must it be? Tasks, partitions, disks and memory for so many jobs a day: formulas whose inputs are measured.

    python -m lab.benchmarks.sizing [--jobs-a-day N ...] [--peak TIMES] [--task-usd-per-hour PRICE] [--json]

Inputs are lab/results/pipeline.json and footprint.json, the defaults of deploy/terraform, and the price that you
pay for a task. docs/operate/sizing.md is made of these tables.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lab.benchmarks.terraform_defaults import default
from lab.kit.report import arguments, command_of, show
from mmdigit.settings.program import run_program
from mmdigit.transport.redis.keys import BUCKETS

RESULTS = Path(__file__).parents[1] / "results"
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
        "command": command_of("lab.benchmarks.sizing", None),
        "inputs": given._asdict(),
        "peak": peak,
        "task_usd_per_hour": task_usd_per_hour,
        "sizes": [size(jobs, given, peak) for jobs in jobs_a_day],
        "a_million": a_million(given, task_usd_per_hour),
    }


def sizes_table(found: dict[str, Any]) -> str:
    """Markdown: a row a quantity, with its formula. found: as `python -m lab.benchmarks.sizing --json` prints it."""
    given, days = Inputs(**found["inputs"]), prediction_days()
    rows = (
        ("jobs/s in the busiest hour", f"{found['peak']:g} x jobs a day / 86400", "peak_jobs_per_s", ",.0f"),
        ("tasks then", f"jobs/s / ({_task_jobs_per_s(given)}), 2 at least", "tasks", ",.0f"),
        ("partitions", f"3 x tasks, {default('partitions'):.0f} at least", "partitions", ",.0f"),
        ("workers' memory, MB", f"{given.rss_mb:.0f} MB at most x tasks", "workers_mb", ",.0f"),
        ("tasks' memory, GiB", "2 GiB x tasks: Fargate's least", "tasks_gib", ",.0f"),
        ("brokers write, MB/s", f"jobs/s x {given.job_bytes:.0f} bytes x {REPLICAS}", "written_mb_s", ",.1f"),
        ("brokers' disks, GB", f"jobs x {_disk(given)}", "disk_gb", ",.0f"),
        (
            "brokers, kafka.m7g.large",
            f"by disk, {BROKER_VOLUME_GIB} GiB each, and by writes, {BROKER_DISK_MB_S} MB/s x 80 % each; by threes",
            *("brokers", ",.0f"),
        ),
        (f"store for {days:.0f} days, GB", f"jobs x days x {given.prediction_bytes:.0f} bytes", "store_gb", ",.1f"),
        ("its node", "memory x 75 % usable x 80 % full, less the feed", "store_node", "s"),
        (
            "or primaries of a cluster, of the largest node each",
            f"the least N whose fullest, with {BUCKETS} / N of {BUCKETS} buckets rounded up, is a node's",
            *("primaries", "s"),
        ),
        ("Redis's cores then", f"jobs/s x {given.redis_cpu_us:.1f} us", "redis_cores", ".3f"),
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
    """Markdown: what a million jobs take. found: as `python -m lab.benchmarks.sizing --json` prints it."""
    given, million, usd = Inputs(**found["inputs"]), found["a_million"], found["task_usd_per_hour"]
    return f"""| a million jobs take | how | |
|---|---|---|
| task-hours | 1,000,000 / ({_task_jobs_per_s(given)} x 3600) | {million["task_hours"]:.2f} |
| $ for these | task-hours x ${usd:g} | {million["task_usd"]:.4f} |
| GB-days of brokers' disks | {_disk(given)} | {million["disk_gb_days"]:.0f} |
| GB of the store, while they are kept | {given.prediction_bytes:.0f} bytes | {million["store_gb"]:.2f} |
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
    parser.add_argument("--jobs-a-day", type=float, nargs="+", default=JOBS_A_DAY, help="sizes to compute")
    help_ = "busiest hour over the mean one (default: %(default)s)"
    parser.add_argument("--peak", type=float, default=PEAK, help=help_)
    help_ = "what you pay for a task (default: %(default)s)"
    parser.add_argument("--task-usd-per-hour", type=float, default=TASK_USD_PER_HOUR, help=help_)
    options = parser.parse_args(argv)
    return show(options, computed(options.jobs_a_day, options.peak, options.task_usd_per_hour), tables)


if __name__ == "__main__":
    raise SystemExit(main())
