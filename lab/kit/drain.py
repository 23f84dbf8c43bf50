"""How fast a filled topic empties: outcomes in the store from the first to the last, and the CPU time they took."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lab.kit.polling import wait_for_count
from lab.kit.usage import Usage, usage
from schemas.errors import TransportError

STALLED_AFTER_S = 60.0

CountOutcomes = Callable[[], int]


class Drained(NamedTuple):
    """What was measured from the first outcome to the last.

    cpu_s: of all processes and their children. usages: of each process at the end.
    """

    jobs: int
    seconds: float
    cpu_s: float
    usages: list[Usage]

    @property
    def jobs_per_s(self) -> float:
        return self.jobs / max(1e-9, self.seconds)

    @property
    def cpu_us_per_job(self) -> float:
        return self.cpu_s / max(1, self.jobs) * 1e6


def drain(
    outcomes: CountOutcomes,
    jobs: int,
    pids: Sequence[int],
    *,
    seconds: float | None = None,
    at_first: Callable[[], object] | None = None,
) -> Drained:
    """Measure until that many jobs have an outcome, or until that many seconds after the first outcome.

    at_first: called at the first outcome, before the clock starts.
    Raises TransportError if no outcome is added for STALLED_AFTER_S.
    """
    await_outcomes(outcomes, 1)
    if at_first is not None:
        at_first()
    first, first_s, before = outcomes(), time.monotonic(), sum(usage(pid).cpu_s for pid in pids)
    last = await_outcomes(outcomes, jobs, None if seconds is None else first_s + seconds)
    last_s, usages = time.monotonic(), [usage(pid) for pid in pids]
    return Drained(last - first, last_s - first_s, sum(each.cpu_s for each in usages) - before, usages)


def await_outcomes(outcomes: CountOutcomes, jobs: int, deadline_s: float | None = None) -> int:
    """The number of outcomes, once it reaches jobs or the deadline (time.monotonic) has passed. Raises as drain."""
    count = wait_for_count(outcomes, jobs, stalled_after_s=STALLED_AFTER_S, deadline_s=deadline_s)
    if count < jobs and (deadline_s is None or time.monotonic() < deadline_s):
        raise TransportError(f"expected {jobs} outcomes, got {count} and no more for {STALLED_AFTER_S:.0f} s")
    return count
