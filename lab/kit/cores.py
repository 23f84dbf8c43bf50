"""CPU pinning: the measured process alone on one core; broker, store and load on the others."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

Pin = int | str | None
"""A core, several as taskset writes them ("0,1"), or None: not pinned."""


class Cores(NamedTuple):
    """The core of the measured process and all other cores; both None if nothing is pinned."""

    measured: int | None
    others: tuple[int, ...] | None

    @property
    def cpus(self) -> str | None:
        """The other cores as Docker and taskset write them; None if nothing is pinned."""
        return None if self.others is None else ",".join(map(str, self.others))

    @property
    def note(self) -> str:
        """What a reader of the figures must know."""
        if self.measured is None or self.others is None:
            return "nothing is pinned (one core, or no taskset): processes disturb each other"
        return f"measured process on core {self.measured}; broker, store and load on {self.cpus}"

    @property
    def all(self) -> str | None:
        """Every core as taskset writes them; None if nothing is pinned."""
        return None if self.measured is None else f"{self.measured},{self.cpus}"

    def workers(self, count: int) -> list[int | None]:
        """The core of each measured process; a second one shares the first of the other cores."""
        if self.measured is None or self.others is None:
            return [None] * count
        each = [self.measured, *self.others]
        return [each[number % len(each)] for number in range(count)]


def find_cores() -> Cores:
    """The first core that this process may use for the measured process, the rest for everything else."""
    if not hasattr(os, "sched_getaffinity") or shutil.which("taskset") is None:
        return Cores(None, None)
    first, *rest = sorted(os.sched_getaffinity(0))
    return Cores(first, tuple(rest)) if rest else Cores(None, None)


def pinned(command: Sequence[str], core: Pin) -> list[str]:
    """The command on that core, or those, alone, with the same process id; unchanged if core is None."""
    return list(command) if core is None else ["taskset", "--cpu-list", str(core), *command]


@contextmanager
def running_on(cores: Sequence[int] | None) -> Iterator[None]:
    """Keep this thread, and what it starts in the block, on those cores. None: anywhere."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
