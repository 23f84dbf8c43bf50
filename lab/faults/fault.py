"""What a fault is: a name, how often to inject it, and the function that injects and undoes it."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docker.models.containers import Container

from lab.faults.services import RunUrls, Services
from lab.faults.watch import Watch
from lab.faults.workers import Workers
from lab.kit.load import Load


@dataclass
class Scene:
    """What a fault of any kind of process may act on. draw: the run's random numbers."""

    services: Services
    workers: Workers
    draw: random.Random

    def hold(self, seconds: float) -> None:
        """Leave the fault in place while the load continues."""
        time.sleep(seconds)

    def pause(self, container: Container, seconds: float) -> None:
        """Freeze every process of the container for that long; its connections stay open."""
        container.pause()
        self.hold(seconds)
        container.unpause()


@dataclass
class Context(Scene):
    """What a fault of the digit worker may act on. folder: the run's, with the workers' logs."""

    urls: RunUrls
    load: Load
    watch: Watch
    partitions: int
    folder: Path
    at_end: ExitStack
    """Closed when every job has an outcome."""


@dataclass(frozen=True)
class Fault:
    """One row of the report, of the digit worker."""

    name: str
    times: int
    inject: Callable[[Context], None]
    """Injects the fault, and has undone it as far as possible when it returns."""
    on: Literal["services", "proxied services", "file", "small disk"] = "services"
    """Kafka and Redis, directly or through toxiproxy, or one SQLite file, on the usual disk or a small one."""
    workers: int = 2
    launcher: Callable[[Path], Sequence[str]] = lambda folder: ()
    """The command that becomes a worker (samples.running.RunningWorker), given the folder of the run."""
    no_duplicates: bool = False
    """Whether a prediction that is written twice breaks a promise."""
    burst: int = 400
    """Jobs sent just before each injection, and again just after it."""
    unavailable: Callable[[], str] = lambda: ""
    """Why this machine cannot inject the fault, in one line; empty if it can."""


@dataclass(frozen=True)
class GatewayFault:
    """One row of the report, of the gateway."""

    name: str
    times: int
    inject: Callable[[Scene], None]
    """As of Fault; the scene's workers are gateways."""
    refused: bool = False
    """Whether callers must be told 503 while the fault lasts."""
    burst: int = 400
    """Jobs submitted just before each injection."""


@dataclass(frozen=True)
class PageFault:
    """One row of the report, of the page worker."""

    name: str
    times: int
    inject: Callable[[Scene], None]
    """As of Fault."""
    no_duplicates: bool = False
    """Whether a job that is published twice breaks a promise."""
    foreign_every: int = 12
    """One record in so many is no page and must become a dead letter, whatever happens around it."""
    burst: int = 24
    """Records sent just before each injection."""
