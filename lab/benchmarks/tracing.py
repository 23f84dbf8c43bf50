"""What does tracing cost? CPU per job of worker and producer on a queue file, with and without traces.

    python -m lab.benchmarks.tracing [--data DIR] [--jobs N] [--repetitions N] [--json] [--output FILE]

Each round runs every variant once, so that other load on the machine affects all of them; the first round is dropped.
The collector runs on the other cores, answers at once and stores nothing.
"""

import itertools
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from lab.kit.cores import find_cores, pinned, running_on
from lab.kit.drain import drain
from lab.kit.machine import machine_line
from lab.kit.records import read_samples, records
from lab.kit.report import add_runs, arguments, progress, provenance, show
from lab.kit.saturation import BATCH_SIZE
from lab.kit.spread import format_spread, spread_of
from mmdigit.settings.program import run_program
from mmdigit.telemetry.spans import open_tracer
from mmdigit.transport.urls import open_publisher, open_store
from producer.tracing import Tracing
from samples.running import RunningWorker
from schemas.wire import decode_job

PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "onnxruntime", "pydantic")
GROUP = "benchmark"
JOBS = 6_000
REPETITIONS = 5


class Variant(NamedTuple):
    """ratio: share of jobs with a sampled trace; exported: whether worker and producer have a collector."""

    ratio: float
    exported: bool


VARIANTS = {
    "no traces": Variant(0.0, False),
    "every record has a traceparent, no collector": Variant(1.0, False),
    "a collector, no traces": Variant(0.0, True),
    "1 % traced and exported": Variant(0.01, True),
    "every job traced and exported": Variant(1.0, True),
}


def measure(variant: Variant, jobs: Sequence[tuple[str, bytes]], folder: Path, collector: str) -> dict[str, float]:
    """Microseconds of CPU per job of the producer and a worker; the worker's exported and dropped spans."""
    url = f"sqlite:///{folder / 'queue.db'}"
    producer_us = _produce(variant, jobs, url, collector)
    options = ["--batch-size", str(BATCH_SIZE), *(("--otlp-endpoint", collector) if variant.exported else ())]
    running = RunningWorker(url, url, folder / "log", options, pinned([], find_cores().measured))
    with running as worker, open_store(url) as store:
        worker.wait_until_ready()
        drained = drain(lambda: store.counts(GROUP).done, len(jobs), [worker.process.pid])
        scraped = worker.scrape()
    return {
        "producer_us": producer_us,
        "worker_us": drained.cpu_us_per_job,
        "jobs_per_s": drained.jobs_per_s,
        "exported": scraped.value("mmdigit_spans_total", outcome="exported"),
        "dropped": scraped.value("mmdigit_spans_total", outcome="dropped"),
    }


def _produce(variant: Variant, jobs: Sequence[tuple[str, bytes]], url: str, collector: str) -> float:
    decoded = [decode_job(value) for _, value in jobs]

    def count(_outcome: str, _spans: int) -> None:
        """Ignore spans: the worker's metrics count them."""

    with open_publisher(url) as publisher:
        with open_tracer(collector if variant.exported else None, "benchmark", count) as tracer:
            tracing = Tracing(variant.ratio, tracer, "sqlite", "jobs")
            began_s = time.process_time()
            for job, (_, value) in zip(decoded, jobs, strict=True):
                acknowledge, headers = tracing.begin(job, lambda: None)
                publisher.send(None, value, acknowledge, headers)
            publisher.flush(60.0)
        return (time.process_time() - began_s) / len(jobs) * 1e6


@contextmanager
def _collector() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.tracing", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.tracing", __doc__)
    add_runs(parser, JOBS, REPETITIONS)
    options = parser.parse_args(argv)
    jobs = list(records(read_samples(options.data, options.jobs), options.jobs, GROUP))
    numbers = itertools.count()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder, _collector() as collector, running_on(find_cores().others):
        for number in progress(range(1 + options.repetitions), "rounds"):
            for name, variant in VARIANTS.items():
                own = Path(folder) / str(next(numbers))
                own.mkdir()
                run = measure(variant, jobs, own, collector)
                if number:
                    runs[name].append(run)
    result = {
        **provenance("lab.benchmarks.tracing", PACKAGES, options.data),
        "settings": {"batch_size": BATCH_SIZE, "jobs": options.jobs, "repetitions": options.repetitions}
        | {"cores": find_cores().note},
        "ways": {name: {figure: spread_of(found, figure) for figure in found[0]} for name, found in runs.items()},
    }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['cores']}; {settings['jobs']} jobs per run; median (min-max) of {settings['repetitions']}",
        f"{'':46} {'worker, us/job':>18} {'jobs/s':>18} {'producer, us/job':>18} {'spans exported, dropped':>24}",
    ]
    for name, found in result["ways"].items():
        cells = (
            format_spread(found["worker_us"]),
            format_spread(found["jobs_per_s"]),
            format_spread(found["producer_us"], ".1f"),
        )
        spans = f"{found['exported']['median']:.0f}, {found['dropped']['median']:.0f}"
        lines.append(f"{name:46} " + " ".join(f"{cell:>18}" for cell in cells) + f" {spans:>24}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
