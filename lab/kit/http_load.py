"""Load on an HTTP server: an open loop at a steady rate, or a closed loop of busy callers.

As in lab.kit.open_loop, an open loop fixes the time of each request before the run, and the wait of one that starts
late counts.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from lab.kit.open_loop import due_times_s
from lab.kit.quantiles import Quantiles, quantiles_ms
from lab.kit.usage import usage

PERCENTS = (50.0, 95.0, 99.0)
_BEFORE_FIRST_S = 0.05
_LAST_WITHIN_S = 20.0

Call = Callable[[int], Awaitable[bool]]
"""Makes request `number`, and says whether it got what it should. An OSError counts as failed."""


@dataclass(frozen=True)
class HttpRun:
    """One run. failed: requests without a proper answer, or none within 20 s of the last. latency_ms: from the intended
    time to the answer. behind_ms: how late requests began. server_cpu_us: CPU time of the servers a request."""

    rate_per_s: float
    requests: int
    failed: int
    latency_ms: Quantiles
    behind_ms: Quantiles
    server_cpu_us: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def open_loop(call: Call, rate_per_s: float, count: int, pids: tuple[int, ...]) -> HttpRun:
    """`count` requests at the rate. pids: the servers whose CPU counts."""
    loop = asyncio.get_running_loop()
    latencies_s: list[float | None] = [None] * count
    behind_s = [0.0] * count
    began_cpu_s = _cpu_s(pids)
    due_s = due_times_s(loop.time() + _BEFORE_FIRST_S, rate_per_s, count)

    async def one(number: int) -> None:
        behind_s[number] = loop.time() - due_s[number]
        if await _succeeds(call, number):
            latencies_s[number] = loop.time() - due_s[number]

    tasks = []
    for number, due in enumerate(due_s):
        if (left_s := due - loop.time()) > 0:
            await asyncio.sleep(left_s)
        tasks.append(asyncio.create_task(one(number)))
    _, late = await asyncio.wait(tasks, timeout=_LAST_WITHIN_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return HttpRun(
        rate_per_s=rate_per_s,
        requests=count,
        failed=latencies_s.count(None),
        latency_ms=quantiles_ms(latencies_s, PERCENTS),
        behind_ms=quantiles_ms(behind_s, PERCENTS),
        server_cpu_us=(_cpu_s(pids) - began_cpu_s) / count * 1e6,
    )


@dataclass(frozen=True)
class Saturation:
    """What busy callers got. server_cpu_us: as of HttpRun."""

    callers: int
    requests: int
    failed: int
    requests_per_s: float
    server_cpu_us: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def closed_loop(call: Call, callers: int, seconds: float, pids: tuple[int, ...]) -> Saturation:
    """Callers that each send their next request once they have an answer."""
    counts = {True: 0, False: 0}
    next_number = iter(range(10**9))
    began_s, began_cpu_s = time.monotonic(), _cpu_s(pids)

    async def caller() -> None:
        while time.monotonic() - began_s < seconds:
            counts[await _succeeds(call, next(next_number))] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    spent_s, requests = time.monotonic() - began_s, counts[True] + counts[False]
    return Saturation(
        callers=callers,
        requests=requests,
        failed=counts[False],
        requests_per_s=counts[True] / spent_s,
        server_cpu_us=(_cpu_s(pids) - began_cpu_s) / max(1, requests) * 1e6,
    )


async def _succeeds(call: Call, number: int) -> bool:
    try:
        return await call(number)
    except OSError:
        return False


def _cpu_s(pids: tuple[int, ...]) -> float:
    return sum(usage(pid).cpu_s for pid in pids)
