"""What a soak saw of its worker, moment by moment, and the figures of it."""

import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from lab.kit.usage import usage

WARM_UP_SHARE = 0.2
"""Of the samples, how many are dropped before the slopes."""


class Sampled(NamedTuple):
    """The worker at one moment. at_s: since the start of the load; backlog: acknowledged jobs without an outcome."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    outcomes: int
    backlog: int


class Struck(NamedTuple):
    """A mild fault. at_s: since the start of the load."""

    at_s: float
    name: str


class Seen(NamedTuple):
    """A soak, moment by moment."""

    samples: list[Sampled]
    faults: list[Struck]


def slopes(sampled: Sequence[Sampled]) -> dict[str, float]:
    """Growth an hour of memory (MB), file descriptors and threads, by least squares after the warm-up."""
    kept = sampled[int(WARM_UP_SHARE * len(sampled)) :]
    hours = [one.at_s / 3600 for one in kept]
    figures = {"rss_mb": [one.rss_mb for one in kept]}
    figures |= {"descriptors": [one.descriptors for one in kept], "threads": [one.threads for one in kept]}
    return {name: statistics.linear_regression(hours, values).slope for name, values in figures.items()}


def most_by_sixth(sampled: Sequence[Sampled]) -> list[float]:
    """The most memory in each sixth of the samples, in MB."""
    edges = [len(sampled) * part // 6 for part in range(7)]
    return [max(one.rss_mb for one in sampled[start:end]) for start, end in pairwise(edges) if start < end]


def sample(pid: int) -> tuple[float, int, int]:
    """Memory in MB (10^6 bytes), open file descriptors and threads of one process."""
    process = Path("/proc") / str(pid)
    return (
        usage(pid).rss_mb,
        sum(1 for _ in (process / "fd").iterdir()),
        sum(1 for _ in (process / "task").iterdir()),
    )
