"""A worker that drains a preloaded topic as fast as it can: jobs/s, CPU per job by stage, memory; and how it starts."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.kit.cores import pinned
from lab.kit.drain import CountOutcomes, await_outcomes, drain
from lab.kit.records import Record
from lab.kit.stack import PARTITIONS, Place, Stack
from samples.running import RunningWorker, Scraped
from schemas.errors import TransportError
from worker.metrics import STAGES

BATCH_SIZE = 32
BUSY_SHARE = 0.7
"""Of the time that a worker needs for its own backlog at most: so long are several watched, so that none runs dry."""

_ENDLESS = 1 << 62


class Queue(NamedTuple):
    """One fresh topic and store: where a worker reads and writes, how jobs get there, how outcomes are counted."""

    jobs_url: str
    store_url: str
    preload: Callable[[Iterable[Record]], int]
    outcomes: CountOutcomes


def queue_on(stack: Stack, partitions: int = PARTITIONS) -> Queue:
    """A fresh topic and store of the stack."""
    place = stack.fresh(partitions)
    return Queue(place.jobs_url, place.store_url, partial(stack.preload, place), stack.outcomes)


def start_worker(where: Queue | Place, folder: Path, core: int | None, name: str = "worker") -> RunningWorker:
    """One worker process with one thread, on that core alone (None: anywhere); logs to folder."""
    return RunningWorker(
        *(where.jobs_url, where.store_url, folder / f"{name}.log", ["--batch-size", str(BATCH_SIZE)]),
        launcher=pinned([], core),
    )


def saturation(queue: Queue, jobs: Iterable[Record], folder: Path, core: int | None) -> dict[str, Any]:
    """One worker from the first outcome to the last: jobs/s, CPU per job in microseconds by stage, memory in MB.

    Raises TransportError if all outcomes were there when the first was seen.
    """
    count = queue.preload(jobs)
    before: list[Scraped] = []
    with start_worker(queue, folder, core) as worker:
        worker.wait_until_ready()
        drained = drain(queue.outcomes, count, [worker.process.pid], at_first=lambda: before.append(worker.scrape()))
        if not drained.jobs:
            raise TransportError(f"expected jobs left when the first outcome is seen, all {count} are done; send more")
        [idle], busy = before, worker.scrape()
    stages_us = {stage: _stage_cpu_s(idle, busy, stage) / drained.jobs * 1e6 for stage in STAGES if stage != "wait"}
    batches = growth(idle, busy, "mmdigit_batch_size_count")
    return {
        "jobs": count,
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "cpu_us_per_job_by_stage": stages_us | {"other threads": drained.cpu_us_per_job - sum(stages_us.values())},
        "mean_batch": growth(idle, busy, "mmdigit_batch_size_sum") / max(1.0, batches),
        "rss_mb": drained.usages[0].rss_mb,
        "peak_rss_mb": drained.usages[0].peak_rss_mb,
    }


def several(
    queue: Queue, jobs: Iterable[Record], folder: Path, cores: Sequence[int | None], one_jobs_per_s: float
) -> dict[str, Any]:
    """As many workers as cores, all with a backlog: jobs/s and CPU per job of all together.

    The jobs come when the partitions are shared out, so that all have as many. one_jobs_per_s: of one worker alone;
    from it follows how long none of them can run dry.
    """
    with ExitStack() as running:
        workers = [
            running.enter_context(start_worker(queue, folder, core, f"worker-{number}"))
            for number, core in enumerate(cores)
        ]
        for worker in workers:
            worker.wait_until_assigned()
        count = queue.preload(jobs)
        await_outcomes(queue.outcomes, 1)
        window_s = BUSY_SHARE * min(_backlogs(workers, count)) / one_jobs_per_s
        drained = drain(queue.outcomes, _ENDLESS, [worker.process.pid for worker in workers], seconds=window_s)
        left = _backlogs(workers, count)
    return {
        "jobs": drained.jobs,
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "window_s": drained.seconds,
        "least_backlog_left": min(left),
        "rss_mb": max(each.rss_mb for each in drained.usages),
    }


def start(queue: Queue, folder: Path, core: int | None) -> dict[str, float]:
    """Seconds from the start of a worker's process to its "ready to work", and to /readyz: partitions assigned."""
    began_s = time.monotonic()
    with start_worker(queue, folder, core) as worker:
        worker.wait_until_ready()
        loaded_s = time.monotonic() - began_s
        worker.wait_until_assigned()
        return {"loaded_s": loaded_s, "ready_s": time.monotonic() - began_s}


def growth(idle: Scraped, busy: Scraped, name: str, **labels: str) -> float:
    """How much the sample grew between two scrapes of one worker."""
    return busy.value(name, **labels) - idle.value(name, **labels)


def _backlogs(workers: Sequence[RunningWorker], jobs: int) -> list[float]:
    """Jobs that each has still to answer, spread evenly over the partitions; its lag is only the last known."""
    scraped = [worker.scrape() for worker in workers]
    partitions = [each.value("mmdigit_assigned_partitions") for each in scraped]
    return [
        jobs * own / sum(partitions) - each.value("mmdigit_jobs_total")
        for own, each in zip(partitions, scraped, strict=True)
    ]


def _stage_cpu_s(idle: Scraped, busy: Scraped, stage: str) -> float:
    return growth(idle, busy, "mmdigit_stage_cpu_seconds_total", stage=stage)
