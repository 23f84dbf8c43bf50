"""What does a job cost from topic to store? Jobs/s, CPU per job by stage, and latency, on each transport.

    python -m benchmarks.pipeline [--data DIR] [--jobs N] [--repetitions N] [--only TRANSPORT] [--output FILE]

Saturation: one worker process drains a preloaded topic, its model on one thread. Latency: jobs arrive at half of
that rate, on a schedule kept whatever the worker does, and are timed from created to stored. Prints JSON.
Kafka and Redis run in containers on the same machine, and take their share of its cores.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from benchmarks.machine import machine
from samples.demo import PACK
from samples.running import RunningWorker, Scraped
from schemas.errors import TransportError
from schemas.settings import run_program
from transport.urls import open_store
from worker.metrics import STAGES

PACKAGES = ("onnxruntime", "numpy", "kafka-python", "redis", "pydantic", "soundfile", "pillow")
LATENCY_SHARE = 0.5
LATENCY_JOBS = 3_000
STALLED_AFTER_S = 60.0
BATCH_SIZE = 32
PARTITIONS = 8


class Place(NamedTuple):
    """Where the jobs of one run go, and where their predictions."""

    jobs_url: str
    store_url: str


MakePlace = Callable[[Path, int], Place]


def saturation(place: Place, source: Sequence[str], folder: Path) -> dict[str, object]:
    """Drain a preloaded topic once: jobs/s, CPU per job in microseconds by stage, memory at the end."""
    jobs = _produce(place, source, folder)
    with RunningWorker(*place, folder / "worker.log", ["--batch-size", str(BATCH_SIZE)]) as worker:
        worker.wait_until_ready()
        idle = worker.scrape()
        jobs_per_s = _await_done(place, jobs)
        busy = worker.scrape()
    process_s = busy.value("process_cpu_seconds_total") - idle.value("process_cpu_seconds_total")
    stages_us = {stage: _stage_cpu_s(busy, stage) / jobs * 1e6 for stage in STAGES if stage != "wait"}
    per_job_us = process_s / jobs * 1e6
    return {
        "jobs": jobs,
        "jobs_per_s": jobs_per_s,
        "cpu_us_per_job": per_job_us,
        "cpu_us_per_job_by_stage": stages_us | {"other threads": per_job_us - sum(stages_us.values())},
        "mean_batch": busy.value("mmdigit_batch_size_sum") / busy.value("mmdigit_batch_size_count"),
        "rss_mb": busy.value("process_resident_memory_bytes") / 1e6,
    }


def latency(place: Place, source: Sequence[str], folder: Path, rate: float) -> dict[str, object]:
    """Jobs at a steady rate: quantiles of the time from created to stored, in milliseconds."""
    with RunningWorker(*place, folder / "worker.log", ["--batch-size", str(BATCH_SIZE)]) as worker:
        worker.wait_until_ready()
        jobs = _produce(place, [*source, "--rate", f"{rate:.1f}"], folder)
        _await_done(place, jobs)
        scraped = worker.scrape()
    quantiles = {f"p{100 * q:g}_ms": scraped.quantile("mmdigit_latency_seconds", q) * 1e3 for q in (0.5, 0.99)}
    return {"jobs": jobs, "rate_per_s": rate, **quantiles}


def _produce(place: Place, source: Sequence[str], folder: Path) -> int:
    """Send the source's jobs and return how many they were."""
    done = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "producer", "--to", place.jobs_url, "--group", "benchmark"),
            *("--journal-dir", str(folder), *source),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise TransportError(f"the producer failed: {done.stderr.strip().splitlines()[-1]}")
    return int(done.stdout.split(" sent and acknowledged")[0].split()[-1])


def _await_done(place: Place, jobs: int) -> float:
    """Return once the store holds an outcome for each job: their rate, from the first ones seen to the last.

    Raises TransportError if it stops growing.
    """
    with open_store(place.store_url) as store:
        first = before = 0
        first_s = since_s = time.monotonic()
        while True:
            counts = store.counts("benchmark")
            done, now_s = counts.done + counts.dead, time.monotonic()
            if done > before:
                before, since_s = done, now_s
                if not first:
                    first, first_s = done, now_s
            if done >= jobs:
                return (done - first) / max(1e-9, now_s - first_s)
            if now_s - since_s > STALLED_AFTER_S:
                raise TransportError(f"expected {jobs} outcomes, got {counts}, none since {STALLED_AFTER_S:.0f} s")
            time.sleep(0.02)


def _stage_cpu_s(scraped: Scraped, stage: str) -> float:
    return scraped.value("mmdigit_stage_cpu_seconds_total", stage=stage)


def _spread(runs: list[dict[str, object]], name: str) -> dict[str, float]:
    figures = [float(run[name]) for run in runs]  # type: ignore[arg-type]
    return {"median": statistics.median(figures), "min": min(figures), "max": max(figures)}


@contextmanager
def _embedded() -> Iterator[MakePlace]:
    yield lambda folder, _number: Place(f"sqlite:///{folder / 'queue.db'}", f"sqlite:///{folder / 'queue.db'}")


@contextmanager
def _kafka_and_redis() -> Iterator[MakePlace]:
    from tests.services import kafka_admin, kafka_broker, redis_server

    with kafka_broker() as bootstrap, redis_server() as redis_url:

        def make(_folder: Path, number: int) -> Place:
            topic = {"num_partitions": PARTITIONS, "replication_factor": 1}
            admin = kafka_admin(bootstrap)
            admin.create_topics({f"jobs-{number}": topic, f"jobs-{number}.dead": topic}, wait_for_metadata=True)
            admin.close()
            return Place(f"kafka://{bootstrap}/jobs-{number}", redis_url.removesuffix("0") + str(number))

        yield make


TRANSPORTS = {"embedded": _embedded, "kafka+redis": _kafka_and_redis}


def measure(
    transport: str, source: Sequence[str], latency_source: Sequence[str], repetitions: int
) -> dict[str, object]:
    """All figures of one transport; every run has a fresh topic, store, and worker process."""
    with TRANSPORTS[transport]() as make_place, tempfile.TemporaryDirectory() as folder:

        def fresh(number: int) -> tuple[Place, Path]:
            own = Path(folder) / str(number)
            own.mkdir()
            return make_place(own, number), own

        runs = []
        progress = Console(stderr=True)
        for number in track(range(repetitions + 1), f"{transport}: saturation", console=progress, transient=True):
            place, own = fresh(number)
            run = saturation(place, source, own)
            if number:  # the first one warms the machine's caches
                runs.append(run)
        jobs_per_s = _spread(runs, "jobs_per_s")
        place, own = fresh(repetitions + 1)
        steady = latency(place, latency_source, own, jobs_per_s["median"] * LATENCY_SHARE)
    middle = min(runs, key=lambda run: abs(float(run["jobs_per_s"]) - jobs_per_s["median"]))  # type: ignore[arg-type]
    return {
        "saturation": {
            **middle,
            "jobs_per_s": jobs_per_s,
            "cpu_us_per_job": _spread(runs, "cpu_us_per_job"),
            "rss_mb": _spread(runs, "rss_mb"),
        },
        "latency_at_half_of_saturation": steady,
    }


def benchmark(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of MNIST and Free Spoken Digit data; else the sample pack")
    parser.add_argument("--jobs", type=int, default=10_000, help="pairs of real data a run (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs that count (default: %(default)s)")
    parser.add_argument("--only", choices=TRANSPORTS, help="measure one transport alone")
    parser.add_argument("--output", type=Path, help="write the JSON to this file too")
    options = parser.parse_args(argv)

    def source(count: int) -> list[str]:
        if options.data is None:
            return ["--from", str(PACK)]
        return ["--from", f"pairs:{options.data}", "--count", str(count)]

    transports = [options.only] if options.only else list(TRANSPORTS)
    result = {
        "command": "python -m benchmarks.pipeline"
        + ("" if options.data is None else f" --data DIR --jobs {options.jobs}"),
        "machine": machine(PACKAGES),
        "source": "sample pack" if options.data is None else "MNIST test x Free Spoken Digit test",
        "settings": {"batch_size": BATCH_SIZE, "threads": 1, "worker_processes": 1, "repetitions": options.repetitions},
        "transports": {
            name: measure(name, source(options.jobs), source(LATENCY_JOBS), options.repetitions) for name in transports
        },
    }
    text = json.dumps(_rounded(result), indent=2)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0


def _rounded(figure: object) -> object:
    """Four significant digits: more would be noise."""
    if isinstance(figure, dict):
        return {name: _rounded(value) for name, value in figure.items()}
    return float(f"{figure:.4g}") if isinstance(figure, float) else figure


def main() -> int:
    return run_program("python -m benchmarks.pipeline", benchmark)


if __name__ == "__main__":
    sys.exit(main())
