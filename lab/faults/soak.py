"""python -m lab.faults.soak: one worker for a long time at 80 % of what it can, with mild faults now and then.

    python -m lab.faults.soak [--data DIR] [--minutes M] [--seed S] [--output FILE] [--plot FILE]

What is possible is measured first, by draining a filled topic. Then memory, file descriptors and threads of the worker
are sampled every few seconds; after the warm-up they are to be flat. Exit code 1 if a job is lost.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lab.faults.check import dead_job_ids
from lab.faults.crew import Crew
from lab.faults.link_faults import LATENCY_MS
from lab.faults.report import summary
from lab.faults.sampled import Sampled, Seen, Struck, most_by_sixth, sample, slopes
from lab.faults.services import Services, running_services
from lab.faults.soak_plot import plot
from lab.faults.watch import Watch, await_last
from lab.kit.drain import await_outcomes
from lab.kit.load import Load, load_samples
from lab.kit.machine import machine, machine_line
from lab.kit.records import job_id_of
from lab.kit.report import arguments, command_of, show, source_of
from mmdigit.settings.program import run_program
from producer.sources.sample import Sample

PACKAGES = ("onnxruntime", "kafka-python", "redis")
LOAD_SHARE = 0.8
SATURATION_JOBS = 6_000
SAMPLE_EVERY_S = 5.0
FAULT_EVERY_S = (30.0, 60.0)
MILD_FOR_S = 3.0
TTL_S = 120
"""Of a prediction: half an hour of them need not stay in Redis's memory; what was seen once is remembered here."""

_TOPIC_BYTES = 256 * 1024 * 1024


def soak(data: Path | None, minutes: float, seed: int) -> tuple[dict[str, Any], Seen]:
    """Its figures, and what they are of; seed: of when which mild fault comes."""
    samples = load_samples(data)
    draw = random.Random(seed)  # noqa: S311 (moments, not a secret)
    with running_services() as services, tempfile.TemporaryDirectory() as folder:
        jobs_per_s = _saturation(services, samples, Path(folder))
        sys.stderr.write(f"saturation {jobs_per_s:.0f} jobs/s\n")
        place = services.fresh(proxied=True)
        services.bound_topic(_TOPIC_BYTES)
        with ExitStack() as stack:
            watch = stack.enter_context(Watch(place.store_url, "soak"))
            crew = stack.enter_context(Crew(place, Path(folder), 1, options=["--ttl-s", str(TTL_S)]))
            crew.wait_until_assigned()
            load = stack.enter_context(Load(place.jobs_url, "soak", samples, LOAD_SHARE * jobs_per_s))
            seen = _watch_over(services, crew, load, watch, draw, 60 * minutes)
            load.stop()
            await_last(load, watch)
            crew.check_running()
        dead = dead_job_ids(place.jobs_url)
        ids = {job_id_of("soak", number) for number in load.acknowledged}
        lost = ids - watch.answered - dead
    figures = {
        "command": command_of("lab.faults.soak", data) + f" --minutes {minutes:g} --seed {seed}",
        "machine": machine(PACKAGES),
        "source": source_of(data),
        "seed": seed,
        "minutes": minutes,
        "saturation_jobs_per_s": jobs_per_s,
        "load_share": LOAD_SHARE,
        "jobs": len(ids),
        "lost": len(lost),
        "problems": crew.problems,
        "faults": dict(Counter(one.name for one in seen.faults)),
        "slopes_per_hour": slopes(seen.samples),
        "rss_mb_by_sixth": most_by_sixth(seen.samples),
        "end": seen.samples[-1]._asdict(),
    }
    return figures, seen


def _saturation(services: Services, samples: Sequence[Sample], folder: Path) -> float:
    """Jobs/s of one worker that drains a filled topic, from the first outcome to the last."""
    place = services.fresh(proxied=True)
    with Watch(place.store_url, "filled") as watch:
        with Load(place.jobs_url, "filled", samples, 0.0) as load:
            load.burst(SATURATION_JOBS)
            while len(load.acknowledged) < SATURATION_JOBS:
                time.sleep(0.1)
        with Crew(place, folder, 1):
            first = await_outcomes(lambda: watch.outcomes, 1)
            first_s = time.monotonic()
            last = await_outcomes(lambda: watch.outcomes, SATURATION_JOBS)
            return (last - first) / (time.monotonic() - first_s)


def _watch_over(services: Services, crew: Crew, load: Load, watch: Watch, draw: random.Random, seconds: float) -> Seen:
    """Sample the worker until the time is over, and trouble it now and then."""
    start_s = time.monotonic()
    [worker] = crew.workers
    sampled: list[Sampled] = []
    struck: list[Struck] = []
    mild: dict[str, Callable[[], object]] = {
        "Redis: 200 ms latency": lambda: services.redis_link.poison("latency", latency=LATENCY_MS),
        "Kafka: 200 ms latency": lambda: services.kafka_link.poison("latency", latency=LATENCY_MS),
        "Redis: connections reset": lambda: services.redis_link.poison("reset_peer", timeout=0),
        "Kafka: connections reset": lambda: services.kafka_link.poison("reset_peer", timeout=0),
        "Redis full": lambda: services.redis.config_set("maxmemory", "1mb"),
    }
    next_s = draw.uniform(*FAULT_EVERY_S)
    heal_s: float | None = None
    while (now_s := time.monotonic() - start_s) < seconds:
        if heal_s is not None and now_s >= heal_s:
            services.kafka_link.heal()
            services.redis_link.heal()
            services.redis.config_set("maxmemory", "0")
            heal_s, next_s = None, now_s + draw.uniform(*FAULT_EVERY_S)
        elif heal_s is None and now_s >= next_s and now_s < seconds - 2 * MILD_FOR_S:
            name = draw.choice(list(mild))
            mild[name]()
            struck.append(Struck(now_s, name))
            heal_s = now_s + MILD_FOR_S
        if now_s >= len(sampled) * SAMPLE_EVERY_S and worker.process.poll() is None:
            outcomes = watch.outcomes
            sampled.append(Sampled(now_s, *sample(worker.process.pid), outcomes, len(load.acknowledged) - outcomes))
            last = sampled[-1]
            sys.stderr.write(
                f"[{now_s:5.0f} s] {last.rss_mb:.1f} MB, {last.outcomes} outcomes, {last.backlog} behind\n"
            )
        time.sleep(0.1)
    return Seen(sampled, struck)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.faults.soak", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.faults.soak", __doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of load (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of when which mild fault comes")
    parser.add_argument("--plot", type=Path, help="draw the samples into this PNG")
    options = parser.parse_args(argv)
    result, seen = soak(options.data, options.minutes, options.seed)
    if options.plot is not None:
        plot(result, seen, options.plot)
    show(options, result, _table)
    return 1 if result["lost"] or result["problems"] else 0


def _table(result: dict[str, Any]) -> str:
    return "\n".join([machine_line(result["machine"]), *summary(result), *result["problems"]])


if __name__ == "__main__":
    raise SystemExit(main())
