"""A thousand open event streams: memory of the gateway, and how long an event takes."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from lab.benchmarks.gateway.programs import WAIT_S, Served, on_sqlite
from lab.kit.gateway import JSON, json_body
from lab.kit.http_client import Address, HttpClient, request
from lab.kit.http_load import PERCENTS
from lab.kit.quantiles import quantiles_ms
from lab.kit.usage import usage
from producer.sources.sample import Sample

STREAMS = 1000
GROUPS = 50
"""Each group has as many streams as the others."""

RATE_PER_S = 5.0
JOBS = 100
SETTLED_S = 5.0
_AT_ONCE = 50


def measure_streams(samples: Sequence[Sample], folder: Path, log: Callable[[str], Any]) -> dict[str, Any]:
    """Memory in MB (10^6 bytes) before and with the streams; CPU of idle streams, in cores; milliseconds from sending
    a job to its event in every stream of its group."""
    own = folder / "streams"
    own.mkdir()
    with on_sqlite(own) as served:
        found = uvloop.run(_measure(served, samples))
    log(f"{found}")
    return found


async def _measure(served: Served, samples: Sequence[Sample]) -> dict[str, Any]:
    [pid] = served.pids
    arrived: dict[str, list[float]] = {}
    async with HttpClient(served.address) as client:
        for group in range(GROUPS):  # what is measured is what streams add
            await client.send(_submission(samples, 0, group))
        before = usage(pid)
        streams: list[asyncio.Task[None]] = []
        for first in range(0, STREAMS, _AT_ONCE):
            opened = [asyncio.Event() for _ in range(_AT_ONCE)]
            streams += [
                asyncio.create_task(_follow(served.address, (first + number) % GROUPS, event, arrived))
                for number, event in enumerate(opened)
            ]
            await asyncio.gather(*(event.wait() for event in opened))
        await asyncio.sleep(SETTLED_S)
        idle, idle_s = usage(pid), time.monotonic()
        await asyncio.sleep(SETTLED_S)
        settled = usage(pid)
        idle_cpu = (settled.cpu_s - idle.cpu_s) / (time.monotonic() - idle_s)
        arrived.clear()
        sent_s: dict[str, float] = {}
        answered_s: list[float] = []

        async def one(number: int) -> None:
            began_s = time.monotonic()
            answer = await client.send(_submission(samples, number, number % GROUPS))
            answered_s.append(time.monotonic() - began_s)
            sent_s[json.loads(answer.body)["job_id"]] = began_s

        busy_s = time.monotonic()
        tasks = []
        for number in range(JOBS):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(1 / RATE_PER_S)
        await asyncio.gather(*tasks)
        deadline_s = time.monotonic() + WAIT_S
        while sum(map(len, arrived.values())) < JOBS * STREAMS // GROUPS and time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)
        busy = usage(pid)
        busy_cpu = (busy.cpu_s - settled.cpu_s) / (time.monotonic() - busy_s)
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    delays_s = [at_s - sent_s[job_id] for job_id, times_s in arrived.items() if job_id in sent_s for at_s in times_s]
    return {
        "streams": STREAMS,
        "groups": GROUPS,
        "jobs_per_s": RATE_PER_S,
        "rss_mb_before": before.rss_mb,
        "rss_mb": busy.peak_rss_mb,
        "idle_cores": idle_cpu,
        "busy_cores": busy_cpu,
        "events": len(delays_s),
        "events_expected": JOBS * STREAMS // GROUPS,
        "event_ms": quantiles_ms(delays_s, PERCENTS),
        "answer_ms": quantiles_ms(answered_s, PERCENTS),
    }


def _submission(samples: Sequence[Sample], number: int, group: int) -> bytes:
    return request("POST", f"/v1/jobs?wait={WAIT_S}", json_body(samples[number % len(samples)], f"g{group}"), JSON)


async def _follow(address: Address, group: int, opened: asyncio.Event, arrived: dict[str, list[float]]) -> None:
    """Note when each job's event arrives, by its id."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request("GET", f"/v1/groups/g{group}/events"))
        await reader.readuntil(b"\r\n\r\n")
        opened.set()
        while line := await reader.readline():
            if line.startswith(b"data: ") and b'"job_id"' in line:
                arrived.setdefault(json.loads(line[6:])["job_id"], []).append(time.monotonic())
    finally:
        writer.close()
