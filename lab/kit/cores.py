"""Who runs on which core: the measured process alone on one, the broker, the store and the load on the others."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class Cores(NamedTuple):
    """The numbers of the measured process's core and of all others; both None where nothing is pinned."""

    measured: int | None
    others: tuple[int, ...] | None

    @property
    def cpus(self) -> str | None:
        """The others as Docker and taskset write them; None where nothing is pinned."""
        return None if self.others is None else ",".join(map(str, self.others))

    @property
    def note(self) -> str:
        """What a reader of the figures has to know."""
        if self.measured is None or self.others is None:
            return "nothing is pinned: one core, or a system that cannot pin; processes disturb each other"
        return f"measured process on core {self.measured}; broker, store and load on {self.cpus}"

    def workers(self, count: int) -> list[int | None]:
        """The core of each of so many measured processes; a second one shares the first of the others."""
        if self.measured is None or self.others is None:
            return [None] * count
        each = [self.measured, *self.others]
        return [each[number % len(each)] for number in range(count)]


def find_cores() -> Cores:
    """Of the cores that this process may use, the first for the measured process and the rest for all else."""
    if not hasattr(os, "sched_getaffinity") or shutil.which("taskset") is None:
        return Cores(None, None)
    first, *rest = sorted(os.sched_getaffinity(0))
    return Cores(first, tuple(rest)) if rest else Cores(None, None)


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """The command on that core alone, whatever the caller runs on; it keeps its process id. None: as it is."""
    return list(command) if core is None else ["taskset", "--cpu-list", str(core), *command]


@contextmanager
def running_on(cores: Sequence[int] | None) -> Iterator[None]:
    """This thread, and what it starts meanwhile, on those cores alone. None: anywhere."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
