"""Every metric of the worker, in one list that docs/operate/metrics.md is generated from."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import get_args

from mmdigit.consuming.metrics import LOOP_METRICS, LoopMetrics
from mmdigit.reading.metadata import Baseline, Modalities
from mmdigit.telemetry.metrics import Metric, observe_all, prefixed
from schemas.dead_letter import DeadLetter
from schemas.prediction import Decision, Prediction, Reason

PREFIX = "mmdigit_"
STAGES = ("poll", "decode", "wait", "predict", "dead_letter", "store", "commit")
_LATENCY_BUCKETS_S = (
    *(0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0),
)
# Fine where thresholds lie: a model accepts answers from a confidence between 0.5 and 0.9995.
_CONFIDENCE_BUCKETS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.94, 0.97, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

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
    Metric(
        *("mmdigit_latency_seconds", "histogram", "seconds", "From a job's created_at to its prediction stored."),
        buckets=_LATENCY_BUCKETS_S,
    ),
    Metric("mmdigit_batches_total", "counter", "", "Batches closed."),
    Metric("mmdigit_batch_size", "histogram", "", "Jobs in a batch, dead letters included.", buckets=_SIZE_BUCKETS),
    Metric("mmdigit_in_flight_jobs", "gauge", "", "Jobs polled and neither stored nor dead-lettered."),
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
    *prefixed(PREFIX, LOOP_METRICS),
)
"""process_* (CPU, memory, files) and python_info come from prometheus-client itself."""


class Metrics(LoopMetrics):
    """The metrics of METRICS, in their own registry."""

    def __init__(self) -> None:
        super().__init__(METRICS, PREFIX, STAGES)
        self.jobs = self._counter("mmdigit_jobs_total")
        self.predictions = self._counter("mmdigit_predictions_total")
        self.confidence = self._histogram("mmdigit_confidence")
        self.review_reasons = self._counter("mmdigit_review_reasons_total")
        self.latency_s = self._histogram("mmdigit_latency_seconds")
        self.batches = self._counter("mmdigit_batches_total")
        self.batch_size = self._histogram("mmdigit_batch_size")
        self.in_flight = self._gauge("mmdigit_in_flight_jobs")
        self.spans = self._counter("mmdigit_spans_total")
        self.model_info = self._gauge("mmdigit_model_info")
        self.baseline = self._gauge("mmdigit_baseline")
        self.target_error = self._gauge("mmdigit_target_error")
        # Looked up once: a lookup for each job would cost as much as the observation.
        self._confidence_of = {held: self.confidence.labels(held) for held in get_args(Modalities)}
        for outcome in ("accept", "review", "dead_letter"):
            self.jobs.labels(outcome)
        for kind in product(get_args(Modalities), range(10), get_args(Decision)):
            self.predictions.labels(*kind)
        for reason in get_args(Reason):
            self.review_reasons.labels(reason)
        for outcome in ("exported", "failed", "dropped"):
            self.spans.labels(outcome)

    def count(self, predictions: Sequence[Prediction], dead_letters: Sequence[DeadLetter], stored_at: datetime) -> None:
        """Count a batch's outcomes after all of them are written."""
        held = [_input(each) for each in predictions]
        kinds = Tally((what, each.label, each.decision) for what, each in zip(held, predictions, strict=True))
        for what in {*held}:
            confidences = [each.confidence for each, own in zip(predictions, held, strict=True) if own == what]
            observe_all(self._confidence_of[what], confidences)
        latencies_s = [(stored_at - each.timings.created_at).total_seconds() for each in predictions]
        observe_all(self.latency_s, [max(0.0, each) for each in latencies_s])  # another clock may be ahead
        for reason in [reason for each in predictions for reason in each.reasons]:
            self.review_reasons.labels(reason).inc()
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


def _input(prediction: Prediction) -> Modalities:
    if prediction.fused is not None:
        return "both"
    return "audio" if prediction.image is None else "image"
