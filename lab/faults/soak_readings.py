"""Readings of a worker's memory, descriptors, threads and backlog during a soak, and their trends."""

import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from lab.kit.usage import usage

WARM_UP_SHARE = 0.2
"""The share of readings that is dropped before the slopes."""


class Reading(NamedTuple):
    """The worker at one time. at_s: since the start of the load; backlog: acknowledged jobs without an outcome."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    outcomes: int
    backlog: int


class InjectedFault(NamedTuple):
    """A mild fault. at_s: since the start of the load."""

    at_s: float
    name: str


class SoakRecord(NamedTuple):
    """A soak over time."""

    readings: list[Reading]
    faults: list[InjectedFault]


def slopes_per_hour(readings: Sequence[Reading]) -> dict[str, float]:
    """Growth per hour of memory (MB), file descriptors and threads, by least squares after the warm-up."""
    steady = readings[int(WARM_UP_SHARE * len(readings)) :]
    hours = [one.at_s / 3600 for one in steady]
    figures = {"rss_mb": [one.rss_mb for one in steady]}
    figures |= {"descriptors": [one.descriptors for one in steady], "threads": [one.threads for one in steady]}
    return {name: statistics.linear_regression(hours, values).slope for name, values in figures.items()}


def max_rss_by_sixth(readings: Sequence[Reading]) -> list[float]:
    """The highest memory in each sixth of the readings, in MB."""
    edges = [len(readings) * part // 6 for part in range(7)]
    return [max(one.rss_mb for one in readings[start:end]) for start, end in pairwise(edges) if start < end]


def process_figures(pid: int) -> tuple[float, int, int]:
    """Memory in MB (10^6 bytes), open file descriptors and threads of a process."""
    process = Path("/proc") / str(pid)
    return (
        usage(pid).rss_mb,
        sum(1 for _ in (process / "fd").iterdir()),
        sum(1 for _ in (process / "task").iterdir()),
    )
