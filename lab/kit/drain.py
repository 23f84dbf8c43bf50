"""How fast a filled topic empties: outcomes counted in the store from the first to the last, CPU time beside them."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lab.kit.usage import Usage, usage
from schemas.errors import TransportError

STALLED_AFTER_S = 60.0
_LOOK_EVERY_S = 0.02

CountOutcomes = Callable[[], int]


class Drained(NamedTuple):
    """What was seen from the first outcome to the last.

    cpu_s: of all processes together, their children included. usages: of each at the end (peak memory, say).
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
    """Wait until so many jobs have an outcome, or so many seconds have passed since one was seen first.

    at_first is called when the first outcome was seen, before the time begins.
    Raises TransportError if the outcomes stop growing for STALLED_AFTER_S.
    """
    await_outcomes(outcomes, 1)
    if at_first is not None:
        at_first()
    first, first_s, before = outcomes(), time.monotonic(), sum(usage(pid).cpu_s for pid in pids)
    last = await_outcomes(outcomes, jobs, None if seconds is None else first_s + seconds)
    last_s, usages = time.monotonic(), [usage(pid) for pid in pids]
    return Drained(last - first, last_s - first_s, sum(each.cpu_s for each in usages) - before, usages)


def await_outcomes(outcomes: CountOutcomes, jobs: int, deadline_s: float | None = None) -> int:
    """How many there are, once there are so many or the deadline (time.monotonic) is over. Raises as drain."""
    seen, since_s = -1, time.monotonic()
    while True:
        count, now_s = outcomes(), time.monotonic()
        if count >= jobs or (deadline_s is not None and now_s >= deadline_s):
            return count
        if count > seen:
            seen, since_s = count, now_s
        if now_s - since_s > STALLED_AFTER_S:
            raise TransportError(f"expected {jobs} outcomes, got {count}, none since {STALLED_AFTER_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)
