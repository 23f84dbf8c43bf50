"""Decides when each job is due: the clock, and the open-loop schedule of --rate."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The producer's clock; tests pass their own. monotonic and sleep: in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = _utc_now


class Schedule:
    """A schedule with a turn every 1 / rate seconds, however long each job takes.

    rate: jobs per second; None never waits. Late turns are taken at once, which keeps the average rate.
    """

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._start_s: float | None = None
        self._turns = 0

    def wait_until_due(self) -> float:
        """Wait until the next turn is due. Returns its delay in seconds, at least 0."""
        if self._rate is None:
            return 0.0
        now_s = self._clock.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        due_s = self._start_s + self._turns / self._rate
        self._turns += 1
        if due_s > now_s:
            self._clock.sleep(due_s - now_s)
            return 0.0
        return now_s - due_s
