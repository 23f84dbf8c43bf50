"""What a worker does at full speed: jobs/s, CPU per job by stage and memory while it drains a topic; time to start."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.kit.cores import Pin, pinned
from lab.kit.drain import CountOutcomes, await_outcomes, drain
from lab.kit.records import Record
from lab.kit.stack import PARTITIONS, Endpoints, Stack
from samples.running import RunningWorker, Scraped
from schemas.errors import TransportError
from worker.metrics import STAGES

BATCH_SIZE = 64
BUSY_SHARE = 0.7
"""Several workers are measured for this share of the time that the shortest backlog lasts, so that none runs dry."""


class Queue(NamedTuple):
    """A new topic and an empty store: their URLs, how to fill the topic, how to count the outcomes."""

    jobs_url: str
    store_url: str
    preload: Callable[[Iterable[Record]], int]
    outcomes: CountOutcomes


def queue_on(stack: Stack, partitions: int = PARTITIONS) -> Queue:
    """A new topic and the emptied store of the stack."""
    endpoints = stack.new_run(partitions)
    return Queue(endpoints.jobs_url, endpoints.store_url, partial(stack.preload, endpoints), stack.outcomes)


def start_worker(
    queue: Queue | Endpoints, folder: Path, core: Pin, name: str = "worker", options: Sequence[str] = ()
) -> RunningWorker:
    """One worker process, pinned to that core, that logs to folder. options: more of its flags."""
    return RunningWorker(
        *(queue.jobs_url, queue.store_url, folder / f"{name}.log", ["--batch-size", str(BATCH_SIZE), *options]),
        launcher=pinned([], core),
    )


def saturate(queue: Queue, jobs: Iterable[Record], folder: Path, core: int | None) -> dict[str, Any]:
    """One worker from the first outcome to the last: jobs/s, CPU per job in microseconds by stage, memory in MB.

    Raises TransportError if the first outcome seen is also the last.
    """
    count = queue.preload(jobs)
    before: list[Scraped] = []
    with start_worker(queue, folder, core) as worker:
        worker.wait_until_ready()
        drained = drain(queue.outcomes, count, [worker.process.pid], at_first=lambda: before.append(worker.scrape()))
        if not drained.jobs:
            raise TransportError(f"expected jobs left after the first outcome, got none of {count}; send more")
        [idle], busy = before, worker.scrape()
    stages_us = {stage: _stage_cpu_s(idle, busy, stage) / drained.jobs * 1e6 for stage in STAGES if stage != "wait"}
    batches = increase(idle, busy, "mmdigit_batch_size_count")
    return {
        "jobs": count,
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "cpu_us_per_job_by_stage": stages_us | {"other threads": drained.cpu_us_per_job - sum(stages_us.values())},
        "mean_batch": increase(idle, busy, "mmdigit_batch_size_sum") / max(1.0, batches),
        "rss_mb": drained.usages[0].rss_mb,
        "peak_rss_mb": drained.usages[0].peak_rss_mb,
    }


def measure_several(
    queue: Queue,
    jobs: Iterable[Record],
    folder: Path,
    cores: Sequence[Pin],
    one_jobs_per_s: float,
    processes: int = 1,
) -> dict[str, Any]:
    """One worker a core, all with a backlog: jobs/s and CPU per job of all together.

    Jobs are sent once the partitions are assigned, so that all workers get as many. one_jobs_per_s: of one worker
    process alone, which tells how long none runs dry. processes: of each worker.
    """
    options = () if processes == 1 else ("--processes", str(processes))
    with ExitStack() as running:
        workers = [
            running.enter_context(start_worker(queue, folder, core, f"worker-{number}", options))
            for number, core in enumerate(cores)
        ]
        for worker in workers:
            worker.wait_until_assigned()
        count = queue.preload(jobs)
        await_outcomes(queue.outcomes, 1)
        window_s = BUSY_SHARE * min(_backlogs(workers, count)) / (processes * one_jobs_per_s)
        drained = drain(queue.outcomes, sys.maxsize, [worker.process.pid for worker in workers], seconds=window_s)
        left = _backlogs(workers, count)
    return {
        "jobs": drained.jobs,
        "jobs_per_s": drained.jobs_per_s,
        "cpu_us_per_job": drained.cpu_us_per_job,
        "window_s": drained.seconds,
        "least_backlog_left": min(left),
        "rss_mb": max(each.rss_mb for each in drained.usages),
    }


def measure_start(queue: Queue, folder: Path, core: int | None) -> dict[str, float]:
    """Seconds from starting a worker process to its log line "ready to work", and to partitions assigned (/readyz)."""
    began_s = time.monotonic()
    with start_worker(queue, folder, core) as worker:
        worker.wait_until_ready()
        loaded_s = time.monotonic() - began_s
        worker.wait_until_assigned()
        return {"loaded_s": loaded_s, "ready_s": time.monotonic() - began_s}


def increase(idle: Scraped, busy: Scraped, name: str, **labels: str) -> float:
    """How much the metric grew between two scrapes of a worker."""
    return busy.value(name, **labels) - idle.value(name, **labels)


def _backlogs(workers: Sequence[RunningWorker], jobs: int) -> list[float]:
    """Unanswered jobs of each worker, if the jobs are evenly spread; the lag metric is only the last known."""
    scraped = [worker.scrape() for worker in workers]
    partitions = [each.value("mmdigit_assigned_partitions") for each in scraped]
    return [
        jobs * own / sum(partitions) - each.value("mmdigit_jobs_total")
        for own, each in zip(partitions, scraped, strict=True)
    ]


def _stage_cpu_s(idle: Scraped, busy: Scraped, stage: str) -> float:
    return increase(idle, busy, "mmdigit_stage_cpu_seconds_total", stage=stage)
