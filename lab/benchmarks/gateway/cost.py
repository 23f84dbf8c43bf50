"""CPU time of the gateway a request and a job, without a worker: jobs are accepted and wait."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import uvloop

from lab.benchmarks.gateway.programs import Caller, Served, on_kafka, on_sqlite
from lab.kit.gateway import FORM, form_body, json_body
from lab.kit.http_client import HttpClient, request
from lab.kit.http_load import Call, closed_loop, open_loop
from lab.kit.spread import spread
from producer.sources.sample import Sample

RATES_PER_S = (20.0, 200.0)
CALLERS = 32
SECONDS = 5.0
BATCH_JOBS = 1000
BATCH_CALLERS = 2

PLACES = {"SQLite": on_sqlite, "Kafka + Redis": on_kafka}


def measure_cost(
    samples: Sequence[Sample], folder: Path, only: Sequence[str], rounds: int, log: Callable[[str], Any]
) -> dict[str, Any]:
    """By place and kind of request: CPU of the gateway a request in us, and jobs accepted a second of its CPU."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in PLACES if not only or name in only}
    for number in range(rounds):
        for name, kinds in found.items():
            own = folder / f"cost-{name.replace(' ', '')}-{number}"
            own.mkdir()
            with PLACES[name](own, with_worker=False) as served:
                for kind, figures in _run(served, samples).items():
                    kinds.setdefault(kind, []).append(figures)
                    log(f"round {number + 1}: {name}, {kind}: {figures}")
    return {
        name: {
            kind: {figure: spread([run[figure] for run in runs]) for figure in runs[0]} for kind, runs in kinds.items()
        }
        for name, kinds in found.items()
    }


def _run(served: Served, samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    async def run() -> dict[str, dict[str, float]]:
        found = {}
        async with HttpClient(served.address) as client:
            as_json = Caller(client, samples).submitting
            as_form = partial(_send, client, [request("POST", "/v1/jobs", form_body(each), FORM) for each in samples])
            await closed_loop(as_json, CALLERS, 1.0, served.pids)
            for rate in RATES_PER_S:
                steady = await open_loop(as_json, rate, round(rate * SECONDS), served.pids)
                found[f"JSON at {rate:.0f}/s"] = _figures(steady.server_cpu_us, 1, steady.failed, rate)
            kinds: dict[str, Call] = {"JSON": as_json, "form": as_form}
            for kind, call in kinds.items():
                found[f"{kind}, {CALLERS} callers"] = await _closed(call, CALLERS, served, 1)
            batch = partial(_send, client, [_batch(samples)])
            found[f"JSON Lines, {BATCH_JOBS} jobs"] = await _closed(batch, BATCH_CALLERS, served, BATCH_JOBS)
        return found

    return uvloop.run(run())


async def _closed(call: Call, callers: int, served: Served, jobs: int) -> dict[str, float]:
    run = await closed_loop(call, callers, SECONDS, served.pids)
    return _figures(run.server_cpu_us, jobs, run.failed, run.requests_per_s)


def _figures(cpu_us: float, jobs: int, failed: int, requests_per_s: float) -> dict[str, float]:
    """jobs: in a request."""
    return {
        "cpu_us_per_request": cpu_us,
        "jobs_per_cpu_s": jobs * 1e6 / cpu_us if cpu_us else 0.0,
        "jobs_per_s": jobs * requests_per_s,
        "failed": float(failed),
    }


def _batch(samples: Sequence[Sample]) -> bytes:
    bodies = [json_body(each) for each in samples]
    lines = islice((body for _ in range(BATCH_JOBS) for body in bodies), BATCH_JOBS)
    return request("POST", "/v1/batches", b"\n".join(lines), {"Content-Type": "application/x-ndjson"})


async def _send(client: HttpClient, messages: Sequence[bytes], number: int) -> bool:
    return (await client.send(messages[number % len(messages)])).status == 202
