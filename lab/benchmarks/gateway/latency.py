"""From a request to its answer: POST ?wait beside polling, and beside LitServe, at shares of what each one can."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from lab.benchmarks.gateway.programs import Caller, Served, on_kafka, on_litserve, on_sqlite
from lab.kit.http_client import HttpClient
from lab.kit.http_load import Call, HttpRun, Saturation, closed_loop, open_loop
from lab.kit.spread import spread
from producer.sources.sample import Sample

LOADS = (0.01, 0.5, 0.8)
WINDOW_S = 5.0
LEAST_REQUESTS = 60
"""A window at a low rate lasts longer, so that its p95 means something."""

CALLERS = 64
SATURATED_S = 3.0
WARM_UP_S = 2.0

Ask = Callable[[Caller, int], Awaitable[bool]]


class Program(NamedTuple):
    """start: runs it, given a folder. ways: the ways of getting an answer from it; the first finds its saturation."""

    start: Callable[[Path], AbstractContextManager[Served]]
    ways: Mapping[str, Ask]


_OURS = {"POST ?wait": Caller.waiting, "polling every 50 ms": Caller.polling}
PROGRAMS = {
    "SQLite": Program(on_sqlite, _OURS),
    "Kafka + Redis": Program(on_kafka, _OURS),
    "LitServe": Program(on_litserve, {"POST": Caller.predicting}),
}


def measure_latency(
    samples: Sequence[Sample],
    folder: Path,
    only: Sequence[str],
    rounds: int,
    window_s: float,
    log: Callable[[str], Any],
) -> dict[str, Any]:
    """The figures of each program by name. One program runs at a time; rounds repeat all of them."""
    found: dict[str, Any] = {name: {"saturation": [], "loads": {}} for name in PROGRAMS if not only or name in only}
    for number in range(rounds):
        for name in found:
            program = PROGRAMS[name]
            own = folder / f"{name.replace(' ', '')}-{number}"
            own.mkdir()
            with program.start(own) as served:
                for load in LOADS:
                    saturation = _run(served, samples, program.ways, _saturate)  # just before: the machine varies
                    found[name]["saturation"].append(saturation.as_json())
                    log(f"round {number + 1}: {name}: {saturation.requests_per_s:.0f} answers/s")
                    for way in program.ways:
                        measured = partial(_at_rate, way, load * saturation.requests_per_s, window_s)
                        run = _run(served, samples, program.ways, measured)
                        found[name]["loads"].setdefault(f"{load:g}", {}).setdefault(way, []).append(run.as_json())
                        log(f"round {number + 1}: {name}, {way}, {load:.0%}: {run.latency_ms}, {run.failed} failed")
    return {name: _summary(runs) for name, runs in found.items()}


def _run(served: Served, samples: Sequence[Sample], ways: Mapping[str, Ask], measure: Callable[..., Any]) -> Any:
    async def run() -> Any:
        async with HttpClient(served.address) as client:
            caller = Caller(client, samples)
            return await measure({way: partial(ask, caller) for way, ask in ways.items()}, served.pids)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


async def _saturate(calls: dict[str, Call], pids: tuple[int, ...]) -> Saturation:
    call = next(iter(calls.values()))
    await closed_loop(call, CALLERS, WARM_UP_S, pids)
    return await closed_loop(call, CALLERS, SATURATED_S, pids)


async def _at_rate(
    way: str, rate_per_s: float, window_s: float, calls: dict[str, Call], pids: tuple[int, ...]
) -> HttpRun:
    return await open_loop(calls[way], rate_per_s, max(LEAST_REQUESTS, round(rate_per_s * window_s)), pids)


def _summary(runs: dict[str, Any]) -> dict[str, Any]:
    return {
        "answers_per_s": spread([run["requests_per_s"] for run in runs["saturation"]]),
        "server_cpu_us_saturated": spread([run["server_cpu_us"] for run in runs["saturation"]]),
        "loads": {
            load: {way: _summary_of_way(repeated) for way, repeated in ways.items()}
            for load, ways in runs["loads"].items()
        },
    }


def _summary_of_way(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "rate_per_s": spread([run["rate_per_s"] for run in runs]),
        "requests": sum(run["requests"] for run in runs),
        "failed": sum(run["failed"] for run in runs),
        "server_cpu_us": spread([run["server_cpu_us"] for run in runs]),
        "latency_ms": {name: spread([run["latency_ms"][name] for run in runs]) for name in runs[0]["latency_ms"]},
        "behind_ms_p99": max(run["behind_ms"]["p99"] for run in runs),
    }
