"""The metrics of a consuming loop. Each program puts its own prefix before them, and adds its own."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

from mmdigit.telemetry.metrics import Metric, RegisteredMetrics
from mmdigit.transport.ports import LossCause
from schemas.errors import InvalidJob

_DURATION_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

LOOP_METRICS = (
    Metric("dead_letters_total", "counter", "", "Acknowledged dead letters by reason.", ("reason",)),
    Metric(
        *("dead_letters_in_a_row", "gauge", ""),
        "Dead letters since the last success; the breaker opens at --breaker-in-a-row.",
    ),
    Metric(
        *("breaker_fill", "gauge", ""),
        "How close the breaker is to opening: 0 no dead letters, 1 it opens and the worker ends.",
    ),
    Metric(
        *("stage_seconds", "histogram", "seconds", "Wall time of each stage, once a turn (wait: a batch)."),
        ("stage",),
        _DURATION_BUCKETS_S,
    ),
    Metric(
        *("stage_cpu_seconds_total", "counter", "seconds", "CPU of the loop's thread in each stage."),
        ("stage",),
    ),
    Metric("retries_total", "counter", "", "Failed attempts that are retried, by stage.", ("stage",)),
    Metric("rebalances_total", "counter", "", "How often partitions were assigned or revoked.", ("event",)),
    Metric("assigned_partitions", "gauge", "", "Partitions that this worker owns."),
    Metric("lag_records", "gauge", "", "Records not yet polled, as last known.", ("topic", "partition")),
    Metric(
        *("records_expired_total", "counter", ""),
        "Offsets that the log no longer holds, by cause: retention (deleted unread) or truncation (lost at its end).",
        ("cause",),
    ),
    Metric("since_commit_seconds", "gauge", "seconds", "Time since the last commit, or since the start."),
    Metric("since_turn_seconds", "gauge", "seconds", "Time since the loop's last turn; grows while it is stuck."),
    Metric("build_info", "gauge", "", "Always 1; the label names the version of this worker.", ("version",)),
)
"""Without the program's prefix."""


class LoopMetrics(RegisteredMetrics):
    """LOOP_METRICS by name. A program's own metrics go into the same registry."""

    def __init__(self, metrics: Sequence[Metric], prefix: str, stages: Sequence[str]) -> None:
        """metrics: all of the program's, LOOP_METRICS under its prefix among them. stages: of its loop."""
        super().__init__(metrics)
        self.dead_letters = self._counter(f"{prefix}dead_letters_total")
        self.dead_in_a_row = self._gauge(f"{prefix}dead_letters_in_a_row")
        self.breaker_fill = self._gauge(f"{prefix}breaker_fill")
        self.stage_s = self._histogram(f"{prefix}stage_seconds")
        self.stage_cpu_s = self._counter(f"{prefix}stage_cpu_seconds_total")
        self.retries = self._counter(f"{prefix}retries_total")
        self.rebalances = self._counter(f"{prefix}rebalances_total")
        self.assigned_partitions = self._gauge(f"{prefix}assigned_partitions")
        self.lag = self._gauge(f"{prefix}lag_records")
        self.records_expired = self._counter(f"{prefix}records_expired_total")
        self.since_commit_s = self._gauge(f"{prefix}since_commit_seconds")
        self.since_turn_s = self._gauge(f"{prefix}since_turn_seconds")
        self.build_info = self._gauge(f"{prefix}build_info")
        for stage in stages:  # every series exists from the start, at 0
            self.stage_s.labels(stage)
            self.stage_cpu_s.labels(stage)
            self.retries.labels(stage)
        for reason in _dead_letter_reasons(InvalidJob):
            self.dead_letters.labels(reason)
        for event in ("assigned", "revoked"):
            self.rebalances.labels(event)
        for cause in get_args(LossCause):
            self.records_expired.labels(cause)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the wall time and the thread's CPU time of one stage."""
        started_s, cpu_s = time.monotonic(), time.thread_time()
        try:
            yield
        finally:
            self.stage_s.labels(name).observe(time.monotonic() - started_s)
            self.stage_cpu_s.labels(name).inc(time.thread_time() - cpu_s)


def _dead_letter_reasons(kind: type[InvalidJob]) -> Iterator[str]:
    for child in kind.__subclasses__():
        yield child.reason
        yield from _dead_letter_reasons(child)
