"""What comes to the topic, and what goes wrong meanwhile: the cases that the scaling is tried with."""

import math
from collections.abc import Callable
from dataclasses import dataclass

HOUR_S = 3600
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """From start_s on, before end_s."""

    start_s: float
    end_s: float

    def holds(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.end_s


NEVER = Span(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Profile:
    """One case. jobs: how many come in the second that begins at that moment; storm: while the group rebalances without
    end; lag_missing, cpu_missing: while CloudWatch has no data."""

    name: str
    title: str
    seconds: int
    jobs: Callable[[int], float]
    storm: Span = NEVER
    lag_missing: Span = NEVER
    cpu_missing: Span = NEVER


def profiles(full_jobs_per_s: float) -> list[Profile]:
    """The cases, for a service that can work off so many jobs/s with all the tasks that it may have."""

    def drop(at_s: int) -> float:
        return MILLION if at_s == 10 * 60 else 0.0

    def day(at_s: int) -> float:
        """From 6 % at night to 66 % of what all tasks can, twelve hours later."""
        return full_jobs_per_s * (0.36 - 0.30 * math.cos(2 * math.pi * at_s / (24 * HOUR_S)))

    def steady(at_s: int) -> float:
        return 0.18 * full_jobs_per_s

    def rising(at_s: int) -> float:
        """12 % for half an hour, 72 % for an hour, and 12 % again."""
        return full_jobs_per_s * (0.72 if 0.5 * HOUR_S <= at_s < 1.5 * HOUR_S else 0.12)

    return [
        Profile("drop", "a million forms at once", 2 * HOUR_S, drop),
        Profile("day", "a day from 6 % to 66 %", 24 * HOUR_S, day),
        Profile("storm", "20 min of rebalances at 18 %", 2 * HOUR_S, steady, storm=Span(1800, 3000)),
        Profile("no_lag", "12 to 72 %, no lag data for 80 min", 3 * HOUR_S, rising, lag_missing=Span(1200, 6000)),
        Profile(
            *("no_data", "12 to 72 %, no data at all for 40 min", 3 * HOUR_S, rising),
            lag_missing=Span(1200, 3600),
            cpu_missing=Span(1200, 3600),
        ),
    ]
