"""What does it cost to store and to read a prediction, packed and as JSON? CPU of the client and of Redis, in turns.

    python -m lab.benchmarks.stored [--data DIR] [--predictions N] [--json] [--output FILE]

Predictions of the shipped model (lab.benchmarks.footprint) are put by the project's store in batches as the worker's,
and got back in batches as the producer's; both forms take turns, on one Redis that is emptied before each.
"""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import redis

from lab.benchmarks.footprint import BATCH_SIZE, PACKAGES, SAMPLES, cpu_s, predictions
from lab.kit.machine import machine, machine_line
from lab.kit.records import read_samples
from lab.kit.report import arguments, command_of, show, source_of
from lab.kit.services import redis_server
from lab.kit.spread import shown, spread_of
from mmdigit.settings.program import run_program
from mmdigit.transport.encoding import decode_prediction, encode_prediction
from mmdigit.transport.urls import open_store
from producer.results import LOOK_UP_JOBS
from schemas.prediction import Prediction

Part = TypeVar("Part")

PREDICTIONS = 20_000
TURNS = 9
AS_JSON = {"packed": False, "JSON": True}
STEPS = ("write", "read", "put", "put, Redis", "get", "get, Redis")


def batches(items: Sequence[Part], size: int) -> list[Sequence[Part]]:
    """The items in their order, so many at once."""
    return [items[first : first + size] for first in range(0, len(items), size)]


def turn(url: str, made: Sequence[Prediction], as_json: bool) -> dict[str, float]:
    """Microseconds of CPU a prediction in each of STEPS: the form alone, and with the store's client and in Redis."""
    with redis.Redis.from_url(url) as client, open_store(url, as_json=as_json) as store:
        client.flushall()

        def timed(step: Callable[[Part], object], parts: Sequence[Part]) -> tuple[float, float]:
            server_s, start_s = cpu_s(client), time.process_time()
            for part in parts:  # what it returns is dropped: kept, it would cost the garbage collector more than all
                step(part)
            taken_s = time.process_time() - start_s
            return taken_s / len(made) * 1e6, (cpu_s(client) - server_s) / len(made) * 1e6

        values = [encode_prediction(each, as_json=as_json) for each in made]
        ids = [prediction.job_id for prediction in made]
        write = timed(lambda each: encode_prediction(each, as_json=as_json), made)
        read = timed(decode_prediction, values)
        put = timed(store.put, batches(made, BATCH_SIZE))
        get = timed(store.get, batches(ids, LOOK_UP_JOBS))
    return dict(zip(STEPS, (write[0], read[0], *put, *get), strict=True)) | {"all": sum((*put, *get))}


def compare(url: str, made: Sequence[Prediction], turns: int = TURNS) -> dict[str, dict[str, Any]]:
    """Of each form, each step and all that goes through Redis: the spread over the turns."""
    gc.collect()
    gc.freeze()  # what was made here is no part of what a reader's collector walks through
    taken: dict[str, list[dict[str, float]]] = {form: [] for form in AS_JSON}
    for _ in range(turns):
        for form, as_json in AS_JSON.items():
            taken[form].append(turn(url, made, as_json))
    gc.unfreeze()
    return {form: {step: spread_of(runs, step) for step in (*STEPS, "all")} for form, runs in taken.items()}


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.stored", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.stored", __doc__)
    help_ = "predictions of a turn (default: %(default)s)"
    parser.add_argument("--predictions", type=int, default=PREDICTIONS, help=help_)
    options = parser.parse_args(argv)
    made = list(predictions(read_samples(options.data, SAMPLES), options.predictions))
    with redis_server() as url:
        result = {
            "command": command_of("lab.benchmarks.stored", options.data),
            "machine": machine(PACKAGES),
            "source": source_of(options.data),
            "predictions": len(made),
            "cpu_us": compare(url, made),
        }
    return show(options, result, _table)


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{machine_line(result['machine'])}; {result['source']}",
        f"CPU of a prediction, us: median (least-most) of {TURNS} turns of {result['predictions']}",
    ]
    for step in (*STEPS, "all"):
        cells = "  ".join(f"{form} {shown(result['cpu_us'][form][step], '.1f'):<18}" for form in AS_JSON)
        lines.append(f"{step:<12} {cells}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
