"""Runs one fault: load, injections with recovery, drain, check; makes its row of the report."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lab.faults.check import check
from lab.faults.disk import small_disk
from lab.faults.fault import Context, Fault
from lab.faults.services import PARTITIONS, RunUrls, Services
from lab.faults.store_writes import install_write_counter, redis_writes, sqlite_problem, sqlite_writes
from lab.faults.watch import Watch
from lab.faults.workers import Workers
from lab.kit.load import Load
from lab.kit.polling import wait_for_count
from lab.kit.spread import spread
from mmdigit.transport.urls import open_publisher, open_store
from producer.sources.sample import Sample
from samples.running import RunningWorker
from schemas.errors import MmdigitError
from schemas.prediction import Answer

RECOVERY_WITHIN_S = 150.0
STALLED_AFTER_S = 60.0
"""A job without an outcome is lost when none has arrived for this long."""

WARM_WITHIN_S = 60.0
MAX_DELAY_S = 0.6

Log = Callable[[str], object]


@dataclass
class Row:
    """What one fault cost. recoveries_s: of each injection, from its end to an answer in every partition."""

    name: str
    times: int = 0
    jobs: int = 0
    answered: int = 0
    dead: int = 0
    lost: int = 0
    wrong: int = 0
    duplicates: int = 0
    refused: int = 0
    """Jobs that the queue did not acknowledge: their producer would send them again."""
    refusal_s: float = 0.0
    """The longest time that a caller of the gateway waited for its 503."""
    recoveries_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.wrong or self.problems)


def run_fault(
    fault: Fault,
    services: Services,
    samples: Sequence[Sample],
    expected: Sequence[Answer | None],
    draw: random.Random,
    number: int,
    log: Log,
    logs_folder: Path | None = None,
) -> Row:
    """The row of one fault. number: names its group; logs_folder: keeps the workers' logs; None: drop them."""
    row = Row(fault.name)
    began_s = time.monotonic()
    group = f"fault-{number}"
    with ExitStack() as stack:
        folder = logs_folder or stack.enter_context(temporary_folder())
        folder.mkdir(parents=True, exist_ok=True)
        file: Path | None = None
        if fault.on in ("file", "small disk"):
            small = fault.on == "small disk"
            file = stack.enter_context(small_disk() if small else temporary_folder()) / "queue.db"
            urls = _create_queue_file(file)
            install_write_counter(file)
        else:
            urls = services.new_run(proxied=fault.on == "proxied services")
        watch = stack.enter_context(Watch(urls.store_url, group))
        start = partial(RunningWorker, urls.worker_jobs_url, urls.worker_store_url, launcher=fault.launcher(folder))
        with (
            Workers(start, folder, fault.workers) as workers,
            Load(urls.jobs_url, group, samples) as load,
            ExitStack() as at_end,
        ):
            partitions = PARTITIONS if file is None else 1
            context = Context(services, workers, draw, urls, load, watch, partitions, folder, at_end)
            workers.wait_until_assigned()
            load.burst(fault.burst)
            if watch.await_all_partitions(partitions, 0.0, WARM_WITHIN_S) is None:
                row.problems.append(f"no answers within {WARM_WITHIN_S:.0f} s of the start")
            for _ in range(fault.times):
                _inject(fault, context, row)
                took = f"{row.recoveries_s[-1]:.1f} s" if row.recoveries_s else "never"
                log(f"{fault.name}: {row.times}/{fault.times}, recovery: {took}")
            load.stop()
            if left := _drain(context, expected):
                row.problems.append(f"{left} jobs had no outcome until the workers were restarted")
                workers.replace_all()
                _drain(context, expected)
            workers.check_running()
        row.problems += workers.problems
        row.refused = len(load.errors)
        found = check(urls.jobs_url, urls.store_url, group, load.acknowledged, expected)
        row.jobs, row.answered, row.dead = len(load.acknowledged), found.answered, found.dead
        row.lost, row.wrong = len(found.lost), len(found.wrong)
        if file is None:
            writes = redis_writes(services.store, group)
        else:
            writes = sqlite_writes(file)
            row.problems += filter(None, [sqlite_problem(file)])
        if len(writes) < found.answered:
            row.problems.append(f"expected {found.answered} predictions in the store's log, got {len(writes)}")
        row.duplicates = sum(writes.values()) - len(writes)
        if fault.no_duplicates and row.duplicates:
            row.problems.append(f"expected no duplicates, got {row.duplicates}")
        if failed := [*found.lost, *found.wrong]:
            log(f"{fault.name}: lost or wrong: {', '.join(failed[:5])}")
    row.seconds = time.monotonic() - began_s
    return row


def as_json(row: Row) -> dict[str, Any]:
    """The figures of the row, and whether every promise was kept."""
    figures = {name: value for name, value in vars(row).items() if name != "recoveries_s"}
    return figures | {"recovery_s": spread(row.recoveries_s) if row.recoveries_s else None, "kept": row.kept}


def _inject(fault: Fault, context: Context, row: Row) -> None:
    """Inject the fault once, at a random moment under load, and wait for the recovery."""
    context.load.burst(fault.burst)
    time.sleep(context.draw.uniform(0, MAX_DELAY_S))
    try:
        fault.inject(context)
    except MmdigitError as error:
        row.problems.append(f"injection {row.times + 1} failed: {error}")
    ended_s = time.monotonic()
    row.times += 1
    context.load.burst(fault.burst)
    context.watch.catch_up(RECOVERY_WITHIN_S)  # predictions stored before the end do not count as a recovery
    caught_up_s = time.monotonic()
    took_s = context.watch.await_all_partitions(context.partitions, caught_up_s, RECOVERY_WITHIN_S)
    context.workers.check_running()
    if took_s is None:
        row.problems.append(f"no recovery within {RECOVERY_WITHIN_S:.0f} s of injection {row.times}")
    else:
        row.recoveries_s.append(took_s + caught_up_s - ended_s)


def _drain(context: Context, expected: Sequence[Answer | None]) -> int:
    """Wait until every acknowledged job has an outcome, or none arrives for STALLED_AFTER_S; how many have none."""
    numbers = set(context.load.acknowledged)
    dead = sum(expected[number % len(expected)] is None for number in numbers)

    def outcomes() -> int:  # each kind up to what is expected: too many of one do not stand for the other
        return min(len(context.watch.answered), len(numbers) - dead) + min(context.watch.dead, dead)

    return len(numbers) - wait_for_count(outcomes, len(numbers), stalled_after_s=STALLED_AFTER_S)


def _create_queue_file(path: Path) -> RunUrls:
    url = f"sqlite:///{path}"
    with open_store(url), open_publisher(url):
        pass
    return RunUrls(url, url, url, url)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder, removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
