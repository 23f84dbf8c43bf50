"""What does a job cost from topic to store, and how much of that is the model?

    python -m lab.benchmarks.pipeline [--data DIR] [--jobs N] [--repetitions N] [--only TRANSPORT] [--json]
        [--output FILE]

One worker, alone on one core, drains a preloaded topic: on a SQLite file, and on Kafka and Redis in containers on the
other cores. Before and after each run the model alone predicts the same decoded jobs on the same core, for the ratio
of the two. Where a core's speed changes within seconds, the ratio to the run's own stage "predict" is steadier. Kafka
and Redis also run with two workers on two cores, and the time from start to ready is measured. For latency see
lab.benchmarks.latency.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lab.benchmarks.model_only import measure
from lab.kit.cores import Pin, find_cores, running_on
from lab.kit.machine import machine_line
from lab.kit.records import Record, read_samples, records
from lab.kit.report import add_runs, arguments, progress, provenance, show
from lab.kit.saturation import BATCH_SIZE, Queue, measure_several, measure_start, queue_on, saturate
from lab.kit.spread import format_spread, spread, spread_of
from lab.kit.stack import PARTITIONS, running_stack
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program
from mmdigit.transport.urls import open_publisher, open_store
from producer.sources.sample import Sample

PACKAGES = ("onnxruntime", "numpy", "kafka-python", "redis", "pydantic", "soundfile", "pillow")
GROUP = "benchmark"
REPETITIONS = 5
JOBS = 6_000
STARTS = 5
MODEL_JOBS = 512
MODEL_REPETITIONS = 3

FreshQueue = Callable[[Path], Queue]


@contextmanager
def _sqlite() -> Iterator[FreshQueue]:
    def fresh(folder: Path) -> Queue:
        url = f"sqlite:///{folder / 'queue.db'}"
        return Queue(url, url, partial(_publish, url), partial(_outcomes, url))

    with running_on(find_cores().others):
        yield fresh


@contextmanager
def _kafka_and_redis() -> Iterator[FreshQueue]:
    with running_stack() as stack:
        yield lambda _folder: queue_on(stack)


TRANSPORTS: dict[str, Callable[[], AbstractContextManager[FreshQueue]]] = {
    "sqlite": _sqlite,
    "kafka+redis": _kafka_and_redis,
}


def measure_transport(transport: str, samples: Sequence[Sample], jobs: int, repetitions: int) -> dict[str, Any]:
    """All figures of one transport. Every run has a new topic, store and worker process; the first is dropped."""
    cores = find_cores()
    model = _model(samples)
    numbers = itertools.count()
    with TRANSPORTS[transport]() as fresh_in, tempfile.TemporaryDirectory() as folder:

        def fresh() -> tuple[Queue, Path]:
            own = Path(folder) / str(next(numbers))
            own.mkdir()
            return fresh_in(own), own

        def made(count: int) -> Iterator[Record]:
            return records(samples, count, GROUP)

        runs = []
        for number in progress(range(1 + repetitions), f"{transport}: one worker"):
            queue, own = fresh()
            before = _model_only_us(model, cores.measured)
            run = saturate(queue, made(jobs), own, cores.measured)
            after = _model_only_us(model, cores.measured)
            alone = {name: (before[name] + after[name]) / 2 for name in model}
            ratios = {f"model alone, {name}": run["cpu_us_per_job"] / us for name, us in alone.items()}
            ratios["own stage predict"] = run["cpu_us_per_job"] / run["cpu_us_per_job_by_stage"]["predict"]
            if number:
                runs.append(run | {"model_only_us": alone, "to_model_only": ratios})
        result = {"one_worker": _summary(runs)}
        if transport == "sqlite":
            return result
        one = result["one_worker"]["jobs_per_s"]["median"]
        ways: dict[str, tuple[Sequence[Pin], int]] = {
            "two_workers": (cores.workers(2), 1),
            "two_processes": ([cores.all], 2),
        }
        for two, (pinned_to, processes) in ways.items():
            pairs = []
            for number in progress(range(1 + repetitions), f"{transport}: {two.replace('_', ' ')}"):
                queue, own = fresh()
                pair = measure_several(queue, made(2 * jobs), own, pinned_to, one, processes)
                if number:
                    pairs.append(pair | {"to_one_worker": pair["jobs_per_s"] / one})
            result[two] = {name: spread_of(pairs, name) for name in pairs[0]}
        starts = [measure_start(*fresh(), cores.measured) for _ in progress(range(1 + STARTS), f"{transport}: starts")][
            1:
        ]
        result["start"] = {name: spread_of(starts, name) for name in starts[0]}
        return result


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The spread of every figure over the runs, also inside nested ones."""
    return {
        name: {part: spread([run[name][part] for run in runs]) for part in figure}
        if isinstance(figure, dict)
        else spread_of(runs, name)
        for name, figure in runs[0].items()
    }


def _model(samples: Sequence[Sample]) -> dict[str, Callable[[int], object]]:
    """The shipped model on these jobs, already decoded: as the worker calls it, and its logits alone."""
    predictor = Predictor.load()
    chosen = itertools.islice(itertools.cycle(samples), MODEL_JOBS)
    decoded = [decode_input(sample.image, sample.audio) for sample in chosen]
    starts = itertools.cycle(range(0, MODEL_JOBS, BATCH_SIZE))

    def batch() -> list[Any]:
        first = next(starts)
        return decoded[first : first + BATCH_SIZE]

    return {"predict": lambda _size: predictor.predict(batch()), "logits": lambda _size: predictor.outputs(batch())}


def _model_only_us(model: dict[str, Callable[[int], object]], core: int | None) -> dict[str, float]:
    with running_on(None if core is None else [core]):
        return {name: measure(call, BATCH_SIZE, MODEL_REPETITIONS)["median"] for name, call in model.items()}


def _publish(url: str, jobs: Iterable[Record]) -> int:
    count = 0
    with open_publisher(url) as publisher:
        for _, value in jobs:
            publisher.send(None, value)
            count += 1
        publisher.flush(60.0)
    return count


def _outcomes(url: str) -> int:
    with open_store(url) as store:
        counts = store.counts(GROUP)
    return counts.done + counts.dead


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.pipeline", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.pipeline", __doc__)
    add_runs(parser, JOBS, REPETITIONS)
    parser.add_argument("--only", choices=TRANSPORTS, help="measure this transport alone")
    options = parser.parse_args(argv)
    samples = read_samples(options.data, options.jobs)
    transports = [options.only] if options.only else list(TRANSPORTS)
    result = {
        **provenance("lab.benchmarks.pipeline", PACKAGES, options.data),
        "settings": {
            "batch_size": BATCH_SIZE,
            "threads": 1,
            "partitions": PARTITIONS,
            "jobs": options.jobs,
            "repetitions": options.repetitions,
            "starts": STARTS,
            "cores": find_cores().note,
            "two_workers": "the second shares its core with broker, store and load",
            "two_processes": "of one worker (--processes 2), on all cores, beside broker, store and load",
        },
        "transports": {
            name: measure_transport(name, samples, options.jobs, options.repetitions) for name in transports
        },
    }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = [
        machine_line(result["machine"]),
        f"{settings['cores']}; {settings['jobs']} jobs per run; median (min-max) of {settings['repetitions']}",
    ]
    for transport, found in result["transports"].items():
        one = found["one_worker"]
        lines += [
            f"{transport}, one worker",
            f"  jobs/s                       {format_spread(one['jobs_per_s'])}",
            f"  CPU per job, us              {format_spread(one['cpu_us_per_job'])}",
            *(f"    {stage:<26} {format_spread(us)}" for stage, us in one["cpu_us_per_job_by_stage"].items()),
            *(f"  model alone, {name:<15} {format_spread(us)}" for name, us in one["model_only_us"].items()),
            *(f"  CPU vs {name:<21} {format_spread(ratio, '.2f')}" for name, ratio in one["to_model_only"].items()),
            f"  memory, MB                   {format_spread(one['rss_mb'])}",
            f"  peak memory, MB              {format_spread(one['peak_rss_mb'])}",
        ]
        if "two_workers" in found:
            for name in ("two_workers", "two_processes"):
                two = found[name]
                lines += [
                    f"{transport}, {name.replace('_', ' ')}: {settings[name]}",
                    f"  jobs/s                       {format_spread(two['jobs_per_s'])}",
                    f"  CPU per job, us              {format_spread(two['cpu_us_per_job'])}",
                    f"  jobs/s vs one worker         {format_spread(two['to_one_worker'], '.2f')}",
                ]
            began = found["start"]
            lines += [
                f"{transport}, seconds from start; median (min-max) of {settings['starts']}",
                f'  to "ready to work"           {format_spread(began["loaded_s"], ".2f")}',
                f"  to partitions assigned       {format_spread(began['ready_s'], '.2f')}",
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
