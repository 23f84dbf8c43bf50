"""Does a job's cost grow with backlog, partitions or payload? Measures one worker as each grows alone.

    python -m lab.benchmarks.growth [--data DIR] [--whole] [--json] [--output FILE]

At each point a topic is filled and one worker on one core starts to drain it. Its first answers are timed in equal
parts, so that a backlog of a million jobs need not be drained. The first point is the baseline of the others. --whole
adds the backlog of a million jobs (8 GB on the disk, a few minutes).
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import docker

from lab.kit.drain import await_outcomes, drain
from lab.kit.machine import machine_line
from lab.kit.records import read_samples, records
from lab.kit.report import arguments, progress, provenance, show
from lab.kit.saturation import BATCH_SIZE, increase, queue_on, start_worker
from lab.kit.spread import format_spread, spread
from lab.kit.stack import PARTITIONS, Stack, running_stack
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from schemas.errors import SettingsError

PACKAGES = ("onnxruntime", "numpy", "kafka-python", "redis")
PARTS = 5
"""Parts of the timed jobs; one more before them is dropped."""

SAMPLES = 2_000


class Point(NamedTuple):
    """One combination of sizes. payload_bytes: of image and audio (lab.kit.padding); None = as they are."""

    jobs: int = 10_000
    partitions: int = PARTITIONS
    payload_bytes: int | None = None
    timed: int = 9_000
    """Jobs that are timed, the dropped part included."""


POINTS = {
    "10 k jobs, 8 partitions": Point(),
    "100 k jobs": Point(jobs=100_000),
    "1 partition": Point(partitions=1),
    "64 partitions": Point(partitions=64),
    "3 KB a job": Point(payload_bytes=3_000),
    "10 KB a job": Point(payload_bytes=10_000),
    "100 KB a job": Point(jobs=5_000, payload_bytes=100_000, timed=4_500),
}
WHOLE = {"1 M jobs": Point(jobs=1_000_000)}


def measure(stack: Stack, point: Point, samples: Sequence[Sample], folder: Path) -> dict[str, Any]:
    """Jobs/s, CPU per job and memory of one worker at one point."""
    payload = sum(len(sample.image or b"") + len(sample.audio or b"") for sample in samples) / len(samples)
    _check_room(point.jobs * payload)
    queue = queue_on(stack, point.partitions)
    queue.preload(records(samples, point.jobs, "benchmark"))
    each = point.timed // (1 + PARTS)
    with start_worker(queue, folder, stack.cores.measured) as worker:
        worker.wait_until_ready()
        await_outcomes(queue.outcomes, each)
        idle = worker.scrape()
        parts = [drain(queue.outcomes, queue.outcomes() + each, [worker.process.pid]) for _ in range(PARTS)]
        busy = worker.scrape()
    answered = increase(idle, busy, "mmdigit_jobs_total")
    decode_us = increase(idle, busy, "mmdigit_stage_cpu_seconds_total", stage="decode") / answered * 1e6
    return {
        **point._asdict(),
        "mean_payload_bytes": payload,
        "jobs_per_s": spread([part.jobs_per_s for part in parts]),
        "cpu_us_per_job": spread([part.cpu_us_per_job for part in parts]),
        "decode_us_per_job": decode_us,
        "rss_mb": spread([part.usages[0].rss_mb for part in parts]),
        "peak_rss_mb": parts[-1].usages[0].peak_rss_mb,
    }


def _check_room(n_bytes: float) -> None:
    """Raises SettingsError if the jobs would not fit on the disk of Docker's files, where that is known."""
    client = docker.from_env()
    try:
        root = Path(client.info().get("DockerRootDir", ""))
    finally:
        client.close()
    if root.is_dir() and (free := shutil.disk_usage(root).free) < 1.5 * n_bytes:
        raise SettingsError(f"expected {1.5 * n_bytes / 1e9:.1f} GB free in {root}, got {free / 1e9:.1f} GB")


def compare(data: Path | None, points: dict[str, Point]) -> dict[str, Any]:
    """The figures of each point, with its CPU per job relative to the first."""
    found: dict[str, dict[str, Any]] = {}
    with running_stack() as stack, tempfile.TemporaryDirectory() as folder:
        for name, point in progress(points.items(), "growth"):
            samples = read_samples(data, SAMPLES, point.payload_bytes)
            found[name] = measure(stack, point, samples, Path(folder))
        note = stack.cores.note
    first = next(iter(found.values()))["cpu_us_per_job"]["median"]
    for figures in found.values():
        figures["cpu_to_first"] = figures["cpu_us_per_job"]["median"] / first
    return {
        **provenance("lab.benchmarks.growth", PACKAGES, data),
        "settings": {"batch_size": BATCH_SIZE, "threads": 1, "parts": PARTS, "cores": note},
        "points": found,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.growth", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.growth", __doc__)
    parser.add_argument("--whole", action="store_true", help="add the backlog of a million jobs")
    options = parser.parse_args(argv)
    result = compare(options.data, POINTS | (WHOLE if options.whole else {}))
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"one worker, {settings['cores']}; median (min-max) of {settings['parts']} parts",
        f"{'':>24}{'jobs/s':>20}{'CPU per job, us':>22}{'vs first':>14}{'decoding, us':>16}{'memory, MB':>18}"
        f"{'peak':>9}",
    ]
    for name, found in result["points"].items():
        lines.append(
            f"{name:>24}{format_spread(found['jobs_per_s']):>20}{format_spread(found['cpu_us_per_job']):>22}"
            f"{found['cpu_to_first']:>14.2f}{found['decode_us_per_job']:>16.0f}{format_spread(found['rss_mb']):>18}{found['peak_rss_mb']:>9.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
