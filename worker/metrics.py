"""Every metric of the worker, in one list that docs/operate/metrics.md is generated from."""

import time
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from mmdigit.reading.metadata import Baseline, Modalities
from mmdigit.transport.ports import LossCause
from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidJob
from schemas.prediction import Decision, Prediction, Reason

STAGES = ("poll", "decode", "wait", "predict", "dead_letter", "store", "commit")
_DURATION_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_LATENCY_BUCKETS_S = (
    *(0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0),
)
# Fine where thresholds lie: a model accepts answers from a confidence between 0.5 and 0.9995.
_CONFIDENCE_BUCKETS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.94, 0.97, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its full name as scraped, kind, unit ("" for a count), help, labels and buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS = (
    Metric("mmdigit_jobs_total", "counter", "", "Jobs by outcome: accept, review or dead_letter.", ("outcome",)),
    Metric(
        *("mmdigit_predictions_total", "counter", "", "Predictions by what the job held, the digit and the decision."),
        ("input", "label", "decision"),
    ),
    Metric(
        *("mmdigit_confidence", "histogram", "", "Calibrated confidence of each prediction, by what the job held."),
        ("input",),
        _CONFIDENCE_BUCKETS,
    ),
    Metric("mmdigit_review_reasons_total", "counter", "", "Reviews by reason; one job may have several.", ("reason",)),
    Metric("mmdigit_dead_letters_total", "counter", "", "Acknowledged dead letters by reason.", ("reason",)),
    Metric(
        *("mmdigit_dead_letters_in_a_row", "gauge", ""),
        "Dead letters since the last prediction; the breaker opens at --breaker-in-a-row.",
    ),
    Metric(
        *("mmdigit_breaker_fill", "gauge", ""),
        "How close the breaker is to opening: 0 no dead letters, 1 it opens and the worker ends.",
    ),
    Metric(
        *("mmdigit_latency_seconds", "histogram", "seconds", "From a job's created_at to its prediction stored."),
        buckets=_LATENCY_BUCKETS_S,
    ),
    Metric(
        *("mmdigit_stage_seconds", "histogram", "seconds", "Wall time of each stage, once a turn (wait: a batch)."),
        ("stage",),
        _DURATION_BUCKETS_S,
    ),
    Metric(
        *("mmdigit_stage_cpu_seconds_total", "counter", "seconds", "CPU of the loop's thread in each stage."),
        ("stage",),
    ),
    Metric("mmdigit_batches_total", "counter", "", "Batches closed."),
    Metric("mmdigit_batch_size", "histogram", "", "Jobs in a batch, dead letters included.", buckets=_SIZE_BUCKETS),
    Metric("mmdigit_in_flight_jobs", "gauge", "", "Jobs polled and neither stored nor dead-lettered."),
    Metric("mmdigit_retries_total", "counter", "", "Failed attempts that are retried, by stage.", ("stage",)),
    Metric("mmdigit_rebalances_total", "counter", "", "How often partitions were assigned or revoked.", ("event",)),
    Metric("mmdigit_assigned_partitions", "gauge", "", "Partitions that this worker owns."),
    Metric("mmdigit_lag_records", "gauge", "", "Records not yet polled, as last known.", ("topic", "partition")),
    Metric(
        *("mmdigit_records_expired_total", "counter", ""),
        "Offsets that the log no longer holds, by cause: retention (deleted unread) or truncation (lost at its end).",
        ("cause",),
    ),
    Metric("mmdigit_since_commit_seconds", "gauge", "seconds", "Time since the last commit, or since the start."),
    Metric(
        "mmdigit_since_turn_seconds", "gauge", "seconds", "Time since the loop's last turn; grows while it is stuck."
    ),
    Metric(
        *("mmdigit_spans_total", "counter", ""),
        "Spans for --otlp-endpoint by outcome: exported, failed or dropped (queue full).",
        ("outcome",),
    ),
    Metric("mmdigit_model_info", "gauge", "", "Always 1; the label names the model of this worker.", ("version",)),
    Metric(
        *("mmdigit_baseline", "gauge", ""),
        "From the evaluation shipped with the model: mean confidence, share of reviews, share of conflicts.",
        ("input", "measure"),
    ),
    Metric("mmdigit_target_error", "gauge", "", "The target error: the share of accepted digits that may be wrong."),
    Metric("mmdigit_build_info", "gauge", "", "Always 1; the label names the version of this worker.", ("version",)),
)
"""process_* (CPU, memory, files) and python_info come from prometheus-client itself."""


class Metrics:
    """The metrics of METRICS, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._by_name = {metric.name: metric for metric in METRICS}
        self.jobs = self._counter("mmdigit_jobs_total")
        self.predictions = self._counter("mmdigit_predictions_total")
        self.confidence = self._histogram("mmdigit_confidence")
        self.review_reasons = self._counter("mmdigit_review_reasons_total")
        self.dead_letters = self._counter("mmdigit_dead_letters_total")
        self.dead_in_a_row = self._gauge("mmdigit_dead_letters_in_a_row")
        self.breaker_fill = self._gauge("mmdigit_breaker_fill")
        self.latency_s = self._histogram("mmdigit_latency_seconds")
        self.stage_s = self._histogram("mmdigit_stage_seconds")
        self.stage_cpu_s = self._counter("mmdigit_stage_cpu_seconds_total")
        self.batches = self._counter("mmdigit_batches_total")
        self.batch_size = self._histogram("mmdigit_batch_size")
        self.in_flight = self._gauge("mmdigit_in_flight_jobs")
        self.retries = self._counter("mmdigit_retries_total")
        self.rebalances = self._counter("mmdigit_rebalances_total")
        self.assigned_partitions = self._gauge("mmdigit_assigned_partitions")
        self.lag = self._gauge("mmdigit_lag_records")
        self.records_expired = self._counter("mmdigit_records_expired_total")
        self.since_commit_s = self._gauge("mmdigit_since_commit_seconds")
        self.since_turn_s = self._gauge("mmdigit_since_turn_seconds")
        self.spans = self._counter("mmdigit_spans_total")
        self.model_info = self._gauge("mmdigit_model_info")
        self.baseline = self._gauge("mmdigit_baseline")
        self.target_error = self._gauge("mmdigit_target_error")
        self.build_info = self._gauge("mmdigit_build_info")
        # Looked up once: a lookup for each job would cost as much as the observation.
        self._confidence_of = {held: self.confidence.labels(held) for held in get_args(Modalities)}
        for stage in STAGES:  # every series exists from the start, at 0
            self.stage_s.labels(stage)
            self.stage_cpu_s.labels(stage)
            self.retries.labels(stage)
        for outcome in ("accept", "review", "dead_letter"):
            self.jobs.labels(outcome)
        for kind in product(get_args(Modalities), range(10), get_args(Decision)):
            self.predictions.labels(*kind)
        for reason in get_args(Reason):
            self.review_reasons.labels(reason)
        for reason in _dead_letter_reasons(InvalidJob):
            self.dead_letters.labels(reason)
        for event in ("assigned", "revoked"):
            self.rebalances.labels(event)
        for cause in get_args(LossCause):
            self.records_expired.labels(cause)
        for outcome in ("exported", "failed", "dropped"):
            self.spans.labels(outcome)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the wall time and the thread's CPU time of one stage."""
        started_s, cpu_s = time.monotonic(), time.thread_time()
        try:
            yield
        finally:
            self.stage_s.labels(name).observe(time.monotonic() - started_s)
            self.stage_cpu_s.labels(name).inc(time.thread_time() - cpu_s)

    def count(self, predictions: Sequence[Prediction], dead_letters: Sequence[DeadLetter], stored_at: datetime) -> None:
        """Count a batch's outcomes after all of them are written."""
        kinds: Tally[tuple[Modalities, int, str]] = Tally()
        for prediction in predictions:
            held = _input(prediction)
            kinds[held, prediction.label, prediction.decision] += 1
            for reason in prediction.reasons:
                self.review_reasons.labels(reason).inc()
            self._confidence_of[held].observe(prediction.confidence)
            latency_s = (stored_at - prediction.timings.created_at).total_seconds()
            self.latency_s.observe(max(0.0, latency_s))  # another machine's clock may be ahead
        for kind, jobs in kinds.items():
            self.predictions.labels(*kind).inc(jobs)
            self.jobs.labels(kind[2]).inc(jobs)
        for letter in dead_letters:
            self.jobs.labels("dead_letter").inc()
            self.dead_letters.labels(letter.reason).inc()
        self.batches.inc()
        self.batch_size.observe(len(predictions) + len(dead_letters))

    def set_baseline(self, baseline: Mapping[Modalities, Baseline]) -> None:
        """Export what the predictions of this model should look like."""
        for held, expected in baseline.items():
            for measure, share in expected.measures().items():
                self.baseline.labels(held, measure).set(share)

    def _counter(self, name: str) -> Counter:
        metric = self._by_name[name]
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        metric = self._by_name[name]
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        metric = self._by_name[name]
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)


def _dead_letter_reasons(kind: type[InvalidJob]) -> Iterator[str]:
    for child in kind.__subclasses__():
        yield child.reason
        yield from _dead_letter_reasons(child)


def _input(prediction: Prediction) -> Modalities:
    if prediction.fused is not None:
        return "both"
    return "audio" if prediction.image is None else "image"
