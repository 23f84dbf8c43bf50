"""Does a worker stay stable for long? Runs one at 80 % of its saturation with mild faults, and looks for growth.

    python -m lab.faults.soak [--data DIR] [--minutes M] [--seed S] [--output FILE] [--plot FILE]

Measures the saturation first, by draining a filled topic. Then reads the worker's memory, file descriptors and threads
every few seconds; after the warm-up they should not grow. Exit code 1 if a job is lost.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from lab.faults.check import dead_job_ids
from lab.faults.link_faults import LATENCY_MS
from lab.faults.report import summary
from lab.faults.services import Services, running_services
from lab.faults.soak_plot import plot
from lab.faults.soak_readings import (
    InjectedFault,
    Reading,
    SoakRecord,
    max_rss_by_sixth,
    process_figures,
    slopes_per_hour,
)
from lab.faults.watch import Watch, await_outcomes_of
from lab.faults.workers import Workers
from lab.kit.drain import await_outcomes
from lab.kit.load import Load, load_samples
from lab.kit.machine import machine_line
from lab.kit.records import job_id_of
from lab.kit.report import arguments, provenance, show
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample
from samples.running import RunningWorker

PACKAGES = ("onnxruntime", "kafka-python", "redis")
LOAD_SHARE = 0.8
SATURATION_JOBS = 6_000
READ_EVERY_S = 5.0
FAULT_EVERY_S = (30.0, 60.0)
MILD_FOR_S = 3.0
TTL_S = 120
"""Of a prediction: Redis need not hold half an hour of them, as Watch remembers those that it has seen."""

_TOPIC_BYTES = 256 * 1024 * 1024


def soak(data: Path | None, minutes: float, seed: int) -> tuple[dict[str, Any], SoakRecord]:
    """The figures, and the record that they come from. seed: decides which mild fault is injected when."""
    samples = load_samples(data)
    draw = random.Random(seed)  # noqa: S311 (not a secret)
    with running_services() as services, tempfile.TemporaryDirectory() as folder:
        jobs_per_s = _saturation(services, samples, Path(folder))
        sys.stderr.write(f"saturation: {jobs_per_s:.0f} jobs/s\n")
        urls = services.new_run(proxied=True)
        services.limit_topic(_TOPIC_BYTES)
        with ExitStack() as stack:
            watch = stack.enter_context(Watch(urls.store_url, "soak"))
            start = partial(RunningWorker, urls.worker_jobs_url, urls.worker_store_url, options=["--ttl-s", str(TTL_S)])
            workers = stack.enter_context(Workers(start, Path(folder), 1))
            workers.wait_until_assigned()
            load = stack.enter_context(Load(urls.jobs_url, "soak", samples, LOAD_SHARE * jobs_per_s))
            record = _observe(services, workers, load, watch, draw, 60 * minutes)
            load.stop()
            await_outcomes_of(load, watch)
            workers.check_running()
        dead = dead_job_ids(urls.jobs_url)
        ids = {job_id_of("soak", number) for number in load.acknowledged}
        lost = ids - watch.answered - dead
    head = provenance("lab.faults.soak", PACKAGES, data)
    figures = head | {
        "command": f"{head['command']} --minutes {minutes:g} --seed {seed}",
        "seed": seed,
        "minutes": minutes,
        "saturation_jobs_per_s": jobs_per_s,
        "load_share": LOAD_SHARE,
        "jobs": len(ids),
        "lost": len(lost),
        "problems": workers.problems,
        "faults": dict(Counter(each.name for each in record.faults)),
        "slopes_per_hour": slopes_per_hour(record.readings),
        "rss_mb_by_sixth": max_rss_by_sixth(record.readings),
        "end": record.readings[-1]._asdict(),
    }
    return figures, record


def _saturation(services: Services, samples: Sequence[Sample], folder: Path) -> float:
    """Jobs/s of one worker that drains a filled topic, from the first outcome to the last."""
    urls = services.new_run(proxied=True)
    with Watch(urls.store_url, "filled") as watch:
        with Load(urls.jobs_url, "filled", samples, 0.0) as load:
            load.burst(SATURATION_JOBS)
            while len(load.acknowledged) < SATURATION_JOBS:
                time.sleep(0.1)
        with Workers(partial(RunningWorker, urls.worker_jobs_url, urls.worker_store_url), folder, 1):
            first = await_outcomes(lambda: watch.outcomes, 1)
            first_s = time.monotonic()
            last = await_outcomes(lambda: watch.outcomes, SATURATION_JOBS)
            return (last - first) / (time.monotonic() - first_s)


def _observe(
    services: Services, workers: Workers, load: Load, watch: Watch, draw: random.Random, seconds: float
) -> SoakRecord:
    """Read the worker's figures and inject mild faults until the time is over."""
    start_s = time.monotonic()
    [worker] = workers.running
    readings: list[Reading] = []
    injected: list[InjectedFault] = []
    mild: dict[str, Callable[[], object]] = {
        "Redis: 200 ms latency": lambda: services.redis_link.add_toxic("latency", latency=LATENCY_MS),
        "Kafka: 200 ms latency": lambda: services.kafka_link.add_toxic("latency", latency=LATENCY_MS),
        "Redis: connections reset": lambda: services.redis_link.add_toxic("reset_peer", timeout=0),
        "Kafka: connections reset": lambda: services.kafka_link.add_toxic("reset_peer", timeout=0),
        "Redis full": lambda: services.redis.config_set("maxmemory", "1mb"),
    }
    next_s = draw.uniform(*FAULT_EVERY_S)
    undo_s: float | None = None
    while (now_s := time.monotonic() - start_s) < seconds:
        if undo_s is not None and now_s >= undo_s:
            services.kafka_link.remove_toxics()
            services.redis_link.remove_toxics()
            services.redis.config_set("maxmemory", "0")
            undo_s, next_s = None, now_s + draw.uniform(*FAULT_EVERY_S)
        elif undo_s is None and now_s >= next_s and now_s < seconds - 2 * MILD_FOR_S:
            name = draw.choice(list(mild))
            mild[name]()
            injected.append(InjectedFault(now_s, name))
            undo_s = now_s + MILD_FOR_S
        if now_s >= len(readings) * READ_EVERY_S and worker.process.poll() is None:
            outcomes = watch.outcomes
            backlog = len(load.acknowledged) - outcomes
            readings.append(Reading(now_s, *process_figures(worker.process.pid), outcomes, backlog))
            last = readings[-1]
            sys.stderr.write(
                f"[{now_s:5.0f} s] {last.rss_mb:.1f} MB, {last.outcomes} outcomes, {last.backlog} behind\n"
            )
        time.sleep(0.1)
    return SoakRecord(readings, injected)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.faults.soak", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.faults.soak", __doc__)
    parser.add_argument("--minutes", type=float, metavar="M", default=30.0, help="of load (default: %(default)s)")
    parser.add_argument("--seed", type=int, metavar="S", default=0, help="of the mild faults (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot the readings into this PNG")
    options = parser.parse_args(argv)
    result, record = soak(options.data, options.minutes, options.seed)
    if options.plot is not None:
        plot(result, record, options.plot)
    show(options, result, _table)
    return 1 if result["lost"] or result["problems"] else 0


def _table(result: dict[str, Any]) -> str:
    return "\n".join([machine_line(result["machine"]), *summary(result), *result["problems"]])


if __name__ == "__main__":
    raise SystemExit(main())
