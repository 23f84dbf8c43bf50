"""Ten thousand clients that never finish their requests, beside a normal one."""

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import uvloop

from lab.benchmarks.gateway.programs import Caller, Served, on_sqlite
from lab.kit.http_client import Address, HttpClient
from lab.kit.http_load import HttpRun, open_loop
from lab.kit.usage import usage
from producer.sources.sample import Sample

SLOW = 10_000
RATE_PER_S = 20.0
REQUESTS = 300
BYTE_EVERY_S = 1.0
_HEAD = (
    b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
)
_OPENING_AT_ONCE = 100


def measure_slow(samples: Sequence[Sample], folder: Path, log: Callable[[str], Any]) -> dict[str, Any]:
    """The normal client's latency before and beside the slow ones; memory of the gateway in MB (10^6 bytes)."""
    own = folder / "slow"
    own.mkdir()
    with on_sqlite(own, options=()) as served:
        alone, before = uvloop.run(_normal(served, samples)), usage(served.pids[0])
        spawn = multiprocessing.get_context("spawn")
        started, stop = spawn.Event(), spawn.Event()
        attack = spawn.Process(target=_attack, args=(served.address, started, stop), daemon=True)
        attack.start()
        started.wait()
        beside, after = uvloop.run(_normal(served, samples)), usage(served.pids[0])
        stop.set()
        attack.join()
    found = {
        "slow_clients": SLOW,
        "alone": alone.as_json(),
        "beside": beside.as_json(),
        "rss_mb_before": before.rss_mb,
        "rss_mb": after.peak_rss_mb,
    }
    log(f"{found}")
    return found


async def _normal(served: Served, samples: Sequence[Sample]) -> HttpRun:
    async with HttpClient(served.address) as client:
        return await open_loop(Caller(client, samples).waiting, RATE_PER_S, REQUESTS, served.pids)


def _attack(address: Address, started: Event, stop: Event) -> None:
    uvloop.run(_slow_clients(address, started, stop))


async def _slow_clients(address: Address, started: Event, stop: Event) -> None:
    """Keep SLOW connections that send half of their head or of their body, a byte at a time; open closed ones again."""
    room = asyncio.Semaphore(_OPENING_AT_ONCE)
    opened = 0

    async def one(number: int) -> None:
        nonlocal opened
        sent = len(_HEAD) if number % 2 else 20
        while not stop.is_set():
            try:
                async with room:
                    _, writer = await asyncio.open_connection(*address)
                writer.write(_HEAD[:sent])
                opened += 1
                while not stop.is_set() and not writer.is_closing():
                    await asyncio.sleep(BYTE_EVERY_S)
                    writer.write(b" " if number % 2 else b"x")
            except OSError:
                await asyncio.sleep(BYTE_EVERY_S)

    tasks = [asyncio.create_task(one(number)) for number in range(SLOW)]
    while opened < SLOW:
        await asyncio.sleep(0.1)
    started.set()
    while not stop.is_set():
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
