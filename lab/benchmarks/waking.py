"""How soon does a consumer of a queue file see a record, and what does it cost while it waits?

    python -m lab.benchmarks.waking [--pauses S ...] [--samples N] [--idle S] [--json] [--output FILE]

Publisher and consumer are processes of their own; records come at random intervals. The delay is from the publisher's
call to the return of poll(), so it includes the synced write. The feed of a store waits in the same way.
"""

import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lab.kit.machine import machine_line
from lab.kit.report import arguments, progress, provenance, show
from mmdigit.settings.program import run_program
from mmdigit.transport.sqlite import waiting
from mmdigit.transport.sqlite.consumer import SqliteConsumer
from mmdigit.transport.sqlite.publisher import SqlitePublisher

PAUSES_S = (0.002, 0.005, 0.01, 0.05)
INTERVAL_S = (0.05, 0.3)
SAMPLES = 300
IDLE_S = 20.0
TOPIC = "jobs"


def measure(pause_s: float, samples: int, idle_s: float) -> dict[str, float]:
    """One consumer that looks every pause_s: CPU while no record comes (us a second), then delays in ms."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "queue.db"
        with SqlitePublisher(path, TOPIC) as publisher:
            consumer = context.Process(target=_consume, args=(theirs, path, pause_s, samples, idle_s))
            consumer.start()
            theirs.close()  # so that recv() ends if the consumer does
            idle_us = ours.recv()
            intervals = random.Random(0)  # noqa: S311 (not a secret)
            acknowledged_s = []
            for _ in range(samples):
                time.sleep(intervals.uniform(*INTERVAL_S))
                called_s = time.monotonic()
                publisher.send(None, repr(called_s).encode())
                publisher.flush(10)
                acknowledged_s.append(time.monotonic() - called_s)
            delays_s = ours.recv()
            consumer.join()
    return {
        "pause_ms": 1000 * pause_s,
        "idle_us_per_s": idle_us,
        "acknowledged_p50_ms": 1000 * statistics.median(acknowledged_s),
        "p50_ms": 1000 * statistics.median(delays_s),
        "p95_ms": 1000 * statistics.quantiles(delays_s, n=20)[-1],
        "max_ms": 1000 * max(delays_s),
    }


def _consume(results: Connection, path: Path, pause_s: float, samples: int, idle_s: float) -> None:
    """Sends the CPU of an idle poll, then the delay of each record."""
    waiting.PAUSE_S = pause_s
    with SqliteConsumer(path, TOPIC, "benchmark") as consumer:
        before_s = time.process_time()
        consumer.poll(1, idle_s)
        results.send(1e6 * (time.process_time() - before_s) / idle_s)
        delays_s: list[float] = []
        while len(delays_s) < samples:
            records = consumer.poll(samples, 0.5)
            delays_s += [time.monotonic() - float(record.value) for record in records]
        results.send(delays_s)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.waking", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.waking", __doc__, on_data=False)
    help_ = "seconds between two looks, each measured in turn (default: 0.002 0.005 0.01 0.05)"
    parser.add_argument("--pauses", type=float, nargs="+", metavar="S", default=PAUSES_S, help=help_)
    parser.add_argument("--samples", type=int, metavar="N", default=SAMPLES, help="records (default: %(default)s)")
    help_ = "seconds without a record (default: %(default)s)"
    parser.add_argument("--idle", type=float, metavar="S", default=IDLE_S, help=help_)
    options = parser.parse_args(argv)
    pauses = [measure(pause_s, options.samples, options.idle) for pause_s in progress(options.pauses, "pauses")]
    settings = {"samples": options.samples, "idle_s": options.idle, "interval_s": INTERVAL_S}
    result = {**provenance("lab.benchmarks.waking", (), None), "settings": settings, "pauses": pauses}
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    lines = [
        machine_line(result["machine"]),
        f"{'pause ms':>9}{'idle us/s':>11}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}{'of it the write, p50':>22}",
    ]
    lines += [
        f"{pause['pause_ms']:>9g}{pause['idle_us_per_s']:>11.0f}{pause['p50_ms']:>8.1f}{pause['p95_ms']:>8.1f}"
        f"{pause['max_ms']:>8.1f}{pause['acknowledged_p50_ms']:>22.1f}"
        for pause in result["pauses"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
