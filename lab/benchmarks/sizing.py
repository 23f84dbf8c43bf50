"""How large must it be? Tasks, partitions, disks, memory for so many jobs a day: formulas, their inputs measured.

    python -m lab.benchmarks.sizing [--jobs-a-day N ...] [--peak TIMES] [--json] [--output FILE]

Inputs are lab/results/pipeline.json and footprint.json, and the defaults of deploy/terraform.
docs/operate/sizing.md is made of this table, those of lab.benchmarks.cost and that of lab.benchmarks.scaling.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from lab.benchmarks.cost import (
    DEFAULT_NODE,
    FULL_ALARM,
    GB,
    GIB,
    REPLICAS,
    RETENTION_DAYS,
    STORE_NODES_GIB,
    STORE_USABLE,
    result_of,
)
from lab.benchmarks.terraform_defaults import default, prediction_days
from lab.kit.report import arguments, command_of, show
from mmdigit.settings.program import run_program
from mmdigit.transport.redis.keys import BUCKETS

JOBS_A_DAY = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
PEAK = 2.0
"""The busiest hour over the mean one: an assumption, --peak takes yours."""

PARTITIONS_PER_TASK = 3
BROKERS_STEP = 3  # as many in each zone
BROKER_VOLUME_GIB = 16_384
"""The most that deploy/terraform and MSK take."""

BROKER_DISK_MB_S = 78.75
"""What a kafka.m7g.large writes for good: 630 Mbit/s. Not measured.
Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (EBS baseline of m7g.large)"""


class Inputs(NamedTuple):
    """What the formulas start from. jobs_per_s: of a task; rss_mb: of a worker; the rest of one job or prediction."""

    jobs_per_s: float
    rss_mb: float
    job_bytes: float
    prediction_bytes: float
    feed_bytes: float
    redis_cpu_us: float


def inputs() -> Inputs:
    """Measured; a task's jobs/s as deploy/terraform assumes them."""
    footprint, one = result_of("footprint"), result_of("pipeline")["transports"]["kafka+redis"]["one_worker"]
    return Inputs(
        jobs_per_s=default("jobs_per_second_per_task"),
        rss_mb=one["peak_rss_mb"]["max"],
        job_bytes=footprint["kafka"]["log_bytes"]["none"],
        prediction_bytes=footprint["redis"]["bytes"]["max"],
        feed_bytes=footprint["redis"]["feed_bytes"],
        redis_cpu_us=footprint["redis"]["redis_cpu_us"],
    )


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
    days = prediction_days()
    store_bytes = jobs_a_day * days * given.prediction_bytes
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
        "most_days": max(room.values()) / (jobs_a_day * given.prediction_bytes),
        "redis_cores": peak_jobs_per_s * given.redis_cpu_us / 1e6,
    }


def primaries(store_bytes: float, room: float) -> str:
    """The least number whose fullest primary has no more than room; buckets are dealt out whole. "none": too much."""
    shares = ((count, math.ceil(BUCKETS / count) / BUCKETS) for count in range(1, BUCKETS + 1))
    return next((str(count) for count, share in shares if store_bytes * share <= room), "none")


def sizes(jobs_a_day: Sequence[float] = JOBS_A_DAY, peak: float = PEAK) -> dict[str, Any]:
    given = inputs()
    return {
        "command": command_of("lab.benchmarks.sizing", None),
        "inputs": given._asdict(),
        "peak": peak,
        "sizes": [size(jobs, given, peak) for jobs in jobs_a_day],
    }


def table(found: dict[str, Any]) -> str:
    """Markdown: a row a quantity, with its formula."""
    given, peak = Inputs(**found["inputs"]), found["peak"]
    busy = default("cpu_target_percent")
    days = prediction_days()
    rows = [
        ("jobs/s in the busiest hour", f"{peak:g} x jobs a day / 86400", "peak_jobs_per_s", ",.0f"),
        ("tasks then", f"jobs/s / ({given.jobs_per_s:.0f} x {busy:.0f} %), 2 at least", "tasks", ",.0f"),
        ("partitions", f"{PARTITIONS_PER_TASK} x tasks, {default('partitions'):.0f} at least", "partitions", ",.0f"),
        ("workers' memory, MB", f"{given.rss_mb:.0f} MB at most x tasks", "workers_mb", ",.0f"),
        (
            "tasks' memory, GiB",
            f"{default('task_memory_mib') / 1024:.0f} GiB x tasks: Fargate's least",
            "tasks_gib",
            ",.0f",
        ),
        ("brokers write, MB/s", f"jobs/s x {given.job_bytes:.0f} bytes x {REPLICAS}", "written_mb_s", ",.1f"),
        (
            *("brokers' disks, GB", f"jobs x {RETENTION_DAYS} days x {given.job_bytes:.0f} bytes x {REPLICAS} / 80 %"),
            *("disk_gb", ",.0f"),
        ),
        (
            "brokers, kafka.m7g.large",
            f"by disk, {BROKER_VOLUME_GIB} GiB each, and by writes, {BROKER_DISK_MB_S} MB/s x 80 % each; by threes",
            *("brokers", ",.0f"),
        ),
        (
            f"store for {days:.0f} days, GB",
            f"jobs x {days:.0f} days x {given.prediction_bytes:.0f} bytes",
            *("store_gb", ",.1f"),
        ),
        ("its node", "memory x 75 % usable x 80 % full, less the feed", "store_node", "s"),
        (
            "or primaries of a cluster, of the largest node each",
            f"the least N whose fullest, with {BUCKETS} / N of {BUCKETS} buckets rounded up, is a node's",
            *("primaries", "s"),
        ),
        ("days that the largest node holds", "its memory / (jobs x bytes)", "most_days", ",.1f"),
        ("Redis's cores then", f"jobs/s x {given.redis_cpu_us:.1f} us", "redis_cores", ".3f"),
    ]
    lines = [
        f"| jobs a day | how | {' | '.join(format(each['jobs_a_day'], ',.0f') for each in found['sizes'])} |",
        f"|---|---|{'---|' * len(found['sizes'])}",
    ]
    for what, formula, name, form in rows:
        cells = " | ".join(format(each[name], form) for each in found["sizes"])
        lines.append(f"| {what} | {formula} | {cells} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.sizing", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.sizing", __doc__, on_data=False)
    parser.add_argument("--jobs-a-day", type=float, nargs="+", default=JOBS_A_DAY, help="sizes to compute")
    parser.add_argument(
        "--peak", type=float, default=PEAK, help="busiest hour over the mean one (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    return show(options, sizes(options.jobs_a_day, options.peak), table)


if __name__ == "__main__":
    raise SystemExit(main())
