"""A program's metrics as one list of Metric, from which its page of the documentation is made too."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its full name as scraped, kind, unit ("" for a count), help, labels and buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def prefixed(prefix: str, metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics with prefix before each name."""
    return tuple(replace(metric, name=f"{prefix}{metric.name}") for metric in metrics)


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """As histogram.observe() of each value, which goes through the buckets one by one."""
    bounds, buckets = histogram._upper_bounds, histogram._buckets
    for number, times in Tally(bisect_left(bounds, value) for value in values).items():
        buckets[number].inc(times)
    histogram._sum.inc(sum(values))


class RegisteredMetrics:
    """The metrics of a list, in their own registry, with process_* (CPU, memory, files) and python_info."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._by_name = {metric.name: metric for metric in metrics}

    def _counter(self, name: str) -> Counter:
        metric = self._by_name[name]
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        metric = self._by_name[name]
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        metric = self._by_name[name]
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
