"""How long does a job take from its intended time to its prediction in Redis, at 50, 70 and 90 % of saturation?

    python -m lab.benchmarks.latency [--data DIR] [--json] [--output FILE] [--window S] [--jobs N]

Open loop on real Kafka and Redis (lab.kit.open_loop): the rate stays the same whatever the worker does. The saturation
is measured first, in the same run, by draining a preloaded topic.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.kit.machine import machine_line
from lab.kit.open_loop import WARM_UP_S, WINDOW_S, WINDOWS, open_loop
from lab.kit.records import read_samples, records, templates
from lab.kit.report import arguments, provenance, show
from lab.kit.saturation import BATCH_SIZE, queue_on, saturate, start_worker
from lab.kit.spread import format_spread, spread_of
from lab.kit.stack import PARTITIONS, running_stack
from mmdigit.settings.program import run_program

PACKAGES = ("onnxruntime", "numpy", "kafka-python", "confluent-kafka", "redis", "hdrhistogram")
LOADS = (0.5, 0.7, 0.9)
SATURATION_RUNS = 3
SAMPLES = 5_000


def compare(data: Path | None, jobs: int, window_s: float) -> dict[str, Any]:
    """Latency of one worker at each load of LOADS."""
    samples = read_samples(data, min(jobs, SAMPLES))
    made = templates(samples, "benchmark")
    loads = []
    with running_stack() as stack, tempfile.TemporaryDirectory() as folder:
        own, core = Path(folder), stack.cores.measured
        runs = [
            saturate(queue_on(stack), records(samples, jobs, "benchmark"), own, core)
            for _ in range(1 + SATURATION_RUNS)
        ]
        saturation = spread_of(runs[1:], "jobs_per_s")
        for load in LOADS:
            endpoints = stack.new_run()
            with start_worker(endpoints, own, core):
                found = open_loop(stack, endpoints, made, load * saturation["median"], window_s=window_s)
            loads.append({"load": load, **found.as_json()})
        note = stack.cores.note
    return {
        **provenance("lab.benchmarks.latency", PACKAGES, data),
        "settings": {
            "batch_size": BATCH_SIZE,
            "threads": 1,
            "partitions": PARTITIONS,
            "windows": WINDOWS,
            "window_s": window_s,
            "warm_up_s": WARM_UP_S,
            "saturation_runs": SATURATION_RUNS,
            "saturation_jobs": jobs,
            "cores": note,
        },
        "saturation_jobs_per_s": saturation,
        "loads": loads,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.latency", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.latency", __doc__)
    parser.add_argument(
        "--jobs", type=int, default=SAMPLES, metavar="N", help="jobs in a saturation run (default: %(default)s)"
    )
    help_ = f"seconds of each of the {WINDOWS} windows per load (default: %(default)s)"
    parser.add_argument("--window", type=float, metavar="S", default=WINDOW_S, help=help_)
    options = parser.parse_args(argv)
    result = compare(options.data, options.jobs, options.window)
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"one worker, {settings['cores']}",
        f"saturation {format_spread(result['saturation_jobs_per_s'])} jobs/s; milliseconds from intended time "
        f"to prediction in Redis over {settings['windows']} windows of {settings['window_s']:g} s (min-max)",
        f"{'load':>5}{'jobs/s':>8}{'p50':>22}{'p99':>22}{'p99.9':>22}{'max':>8}{'missing':>9}"
        f"{'sender late p99/max':>23}{'broker ack p50/p99':>23}",
    ]
    for load in result["loads"]:
        latency, behind, acknowledged = load["latency_ms"], load["behind_ms"], load["acknowledged_ms"]
        cells = [
            f"{latency[name]:.1f} ({by_window['min']:.1f}-{by_window['max']:.1f})"
            for name, by_window in load["latency_ms_by_window"].items()
            if name != "max"
        ]
        lines.append(
            f"{load['load']:>5.0%}{load['rate_per_s']:>8.0f}"
            + "".join(f"{cell:>22}" for cell in cells)
            + f"{latency['max']:>8.1f}{load['missing']:>9}"
            + f"{behind['p99']:>16.1f} /{behind['max']:>5.1f}{acknowledged['p50']:>16.1f} /{acknowledged['p99']:>5.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
