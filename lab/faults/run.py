"""One fault from an empty topic to its row: load, harm as often as asked, recovery, drain, check."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.faults.check import check
from lab.faults.crew import Crew
from lab.faults.disk import small_disk
from lab.faults.fault import Fault, Scene
from lab.faults.services import PARTITIONS, Place, Services
from lab.faults.watch import Watch
from lab.faults.written import count_writes, problem_of_file, written_in_file, written_in_redis
from lab.kit.load import Load
from lab.kit.spread import spread
from mmdigit.transport.urls import open_publisher, open_store
from producer.sources.sample import Sample
from schemas.errors import MmdigitError
from schemas.prediction import Answer

RECOVERY_WITHIN_S = 150.0
DRAINED_WITHIN_S = 60.0
"""Without any new outcome: what has none by then is lost."""

WARM_WITHIN_S = 60.0
MOST_DELAY_S = 0.6
_LOOK_EVERY_S = 0.1

Say = Callable[[str], object]


@dataclass
class Row:
    """What one fault cost. recoveries_s: of each time, from the end of the harm to an answer in every partition."""

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
    say: Say,
    keep_logs: Path | None = None,
) -> Row:
    """The row of one fault. number: of this run, for names; keep_logs: where the workers' logs go, else nowhere."""
    row = Row(fault.name)
    began_s = time.monotonic()
    group = f"fault-{number}"
    with ExitStack() as stack:
        folder = keep_logs or stack.enter_context(_temporary_folder())
        folder.mkdir(parents=True, exist_ok=True)
        file: Path | None = None
        if fault.on in ("file", "small disk"):
            small = fault.on == "small disk"
            file = stack.enter_context(small_disk() if small else _temporary_folder()) / "queue.db"
            place = _file_place(file)
            count_writes(file)
        else:
            place = services.fresh(proxied=fault.on == "proxied services")
        watch = stack.enter_context(Watch(place.store_url, group))
        with (
            Crew(place, folder, fault.workers, fault.launcher(folder)) as crew,
            Load(place.jobs_url, group, samples) as load,
            ExitStack() as at_end,
        ):
            partitions = PARTITIONS if file is None else 1
            scene = Scene(services, place, crew, load, watch, draw, partitions, folder, at_end)
            crew.wait_until_assigned()
            load.burst(fault.burst)
            if watch.await_outcome_of_each(partitions, 0.0, WARM_WITHIN_S) is None:
                row.problems.append(f"no answers within {WARM_WITHIN_S:.0f} s of the start")
            for _ in range(fault.times):
                _strike(fault, scene, row)
                took = f"{row.recoveries_s[-1]:.1f} s" if row.recoveries_s else "not at all"
                say(f"{fault.name}: {row.times}/{fault.times}, recovered: {took}")
            load.stop()
            if left := _drain(scene, expected):
                row.problems.append(f"{left} jobs had no outcome before the workers were started again")
                crew.replace_all()
                _drain(scene, expected)
            crew.check_running()
        row.problems += crew.problems
        row.refused = len(load.errors)
        found = check(place.jobs_url, place.store_url, group, load.acknowledged, expected)
        row.jobs, row.answered, row.dead = len(load.acknowledged), found.answered, found.dead
        row.lost, row.wrong = len(found.lost), len(found.wrong)
        if file is None:
            written = written_in_redis(services.store, group)
        else:
            written = written_in_file(file)
            row.problems += filter(None, [problem_of_file(file)])
        if len(written) < found.answered:
            row.problems.append(f"expected {found.answered} predictions in the store's log, got {len(written)}")
        row.duplicates = sum(written.values()) - len(written)
        if fault.no_duplicates and row.duplicates:
            row.problems.append("expected no duplicates")
        if lost := [*found.lost, *found.wrong]:
            say(f"{fault.name}: lost or wrong: {', '.join(lost[:5])}")
    row.seconds = time.monotonic() - began_s
    return row


def as_json(row: Row) -> dict[str, Any]:
    """The figures of the row, and whether every promise was kept."""
    figures = {name: value for name, value in vars(row).items() if name != "recoveries_s"}
    return figures | {"recovery_s": spread(row.recoveries_s) if row.recoveries_s else None, "kept": row.kept}


def _strike(fault: Fault, scene: Scene, row: Row) -> None:
    """Harm once, at a random moment under load, and wait for the recovery."""
    scene.load.burst(fault.burst)
    time.sleep(scene.draw.uniform(0, MOST_DELAY_S))
    try:
        fault.strike(scene)
    except MmdigitError as error:
        row.problems.append(f"time {row.times + 1} could not be done: {error}")
    ended_s = time.monotonic()
    row.times += 1
    scene.load.burst(fault.burst)
    scene.watch.catch_up(RECOVERY_WITHIN_S)  # what was stored before the end must not count as the first after it
    caught_up_s = time.monotonic()
    took_s = scene.watch.await_outcome_of_each(scene.partitions, caught_up_s, RECOVERY_WITHIN_S)
    scene.crew.check_running()
    if took_s is None:
        row.problems.append(f"no recovery within {RECOVERY_WITHIN_S:.0f} s of time {row.times}")
    else:
        row.recoveries_s.append(took_s + caught_up_s - ended_s)


def _drain(scene: Scene, expected: Sequence[Answer | None]) -> int:
    """Until every acknowledged job has an outcome, or there was no new one for DRAINED_WITHIN_S; how many have none."""
    numbers = set(scene.load.acknowledged)
    dead = sum(expected[number % len(expected)] is None for number in numbers)
    seen, since_s = -1, time.monotonic()
    while left := max(0, len(numbers) - dead - len(scene.watch.answered)) + max(0, dead - scene.watch.dead):
        if scene.watch.outcomes != seen:
            seen, since_s = scene.watch.outcomes, time.monotonic()
        if time.monotonic() - since_s > DRAINED_WITHIN_S:
            return left
        time.sleep(_LOOK_EVERY_S)
    return 0


def _file_place(path: Path) -> Place:
    """A new queue file."""
    url = f"sqlite:///{path}"
    with open_store(url), open_publisher(url):
        pass
    return Place(url, url, url, url)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
