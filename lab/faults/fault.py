"""What a fault is: a name, how often, and a function that does the harm and has undone it when it returns."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.faults.crew import Crew
from lab.faults.services import Place, Services
from lab.faults.watch import Watch
from lab.kit.load import Load


@dataclass
class Scene:
    """What a fault may touch: the services, the crew of workers, the load; its randomness is the run's."""

    services: Services
    place: Place
    crew: Crew
    load: Load
    watch: Watch
    draw: random.Random
    partitions: int
    folder: Path
    at_end: ExitStack
    """Closed when the load is drained."""

    def hold(self, seconds: float) -> None:
        """How long the harm lasts, while the load goes on."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Fault:
    """One row of the report."""

    name: str
    times: int
    strike: Callable[[Scene], None]
    """Does the harm; undone, as far as it can be, when it returns."""
    on: Literal["services", "proxied services", "file", "small disk"] = "services"
    """Kafka and Redis, both through toxiproxy or not, or one SQLite file, on a disk of SMALL_DISK_BYTES or not."""
    workers: int = 2
    launcher: Callable[[Path], Sequence[str]] = lambda folder: ()
    """The command that becomes a worker, given a folder of the run (samples.running.RunningWorker)."""
    no_duplicates: bool = False
    """Whether a job that is answered twice breaks a promise."""
    burst: int = 400
    """Jobs that are sent just before each time, and again just after."""
    missing: Callable[[], str] = lambda: ""
    """Why this machine cannot do it, in one line; empty if it can."""
