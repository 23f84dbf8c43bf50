"""Every metric of the gateway, in one list that docs/operate/metrics.md is generated from."""

from functools import cache
from typing import Literal, get_args

from prometheus_client import Counter, Histogram

from mmdigit.telemetry.metrics import Metric, RegisteredMetrics, prefixed

PREFIX = "mmdigit_gateway_"
Refusal = Literal["limit", "rate", "backlog", "host", "origin", "login"]
"""Why a request was refused, where that is not the request's own content: a label."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN_PATH = "unknown"
_DURATION_BUCKETS_S = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0),
)

METRICS = prefixed(
    PREFIX,
    (
        Metric(
            *("requests_total", "counter", "", "Answered requests; a path without an operation is `unknown`."),
            ("operation", "method", "status"),
        ),
        Metric(
            *("request_seconds", "histogram", "seconds"),
            "From a request's head to the end of its answer, event streams left out; wait: whether a submission asked "
            "for the outcome.",
            ("operation", "wait"),
            _DURATION_BUCKETS_S,
        ),
        Metric("jobs_published_total", "counter", "", "Jobs and pages that their topic has acknowledged."),
        Metric(
            *("publish_seconds", "histogram", "seconds", "From the records of a request to their acknowledgement."),
            buckets=_DURATION_BUCKETS_S,
        ),
        Metric("waiting_records", "gauge", "", "Records that wait for the topic."),
        Metric("open_streams", "gauge", "", "Event streams that are open."),
        Metric("waiters", "gauge", "", "Submissions that wait for their outcome."),
        Metric("connections", "gauge", "", "Connections that are open."),
        Metric(
            *("connections_closed_total", "counter", ""),
            "Connections that the gateway closed early, by reason: head, body or reader (too slow), room (too many), "
            "invalid (no HTTP).",
            ("reason",),
        ),
        Metric(
            *("refused_total", "counter", ""),
            "Refused requests by reason: limit (size), rate, backlog, host, origin or login.",
            ("reason",),
        ),
        Metric("backlog_seconds", "gauge", "seconds", "How long a job waits for its outcome now, as last known."),
        Metric("ready", "gauge", "", "1 while /readyz says that the gateway is ready, else 0."),
        Metric("topic_errors_total", "counter", "", "Batches of records that the topic did not take."),
        Metric("store_errors_total", "counter", "", "Calls of the store that failed."),
        Metric(
            *("webhooks_total", "counter", ""),
            "Webhooks by outcome: delivered, failed (tried again later) or given_up.",
            ("outcome",),
        ),
        Metric("build_info", "gauge", "", "Always 1; the label names the version of this gateway.", ("version",)),
    ),
)
"""process_* (CPU, memory, files) and python_info come from prometheus-client itself."""

Closing = Literal["head", "body", "reader", "room", "invalid"]
"""Why the gateway closed a connection before its client did: a label."""


WebhookOutcome = Literal["delivered", "failed", "given_up"]
"""What became of an attempt at a webhook: a label."""


class GatewayMetrics(RegisteredMetrics):
    """The metrics of METRICS, in their own registry."""

    def __init__(self) -> None:
        super().__init__(METRICS)
        self.requests = self._counter(f"{PREFIX}requests_total")
        self.request_s = self._histogram(f"{PREFIX}request_seconds")
        self.jobs_published = self._counter(f"{PREFIX}jobs_published_total")
        self.publish_s = self._histogram(f"{PREFIX}publish_seconds")
        self.waiting_records = self._gauge(f"{PREFIX}waiting_records")
        self.open_streams = self._gauge(f"{PREFIX}open_streams")
        self.waiters = self._gauge(f"{PREFIX}waiters")
        self.connections = self._gauge(f"{PREFIX}connections")
        self.connections_closed = self._counter(f"{PREFIX}connections_closed_total")
        self.refused = self._counter(f"{PREFIX}refused_total")
        self.backlog_s = self._gauge(f"{PREFIX}backlog_seconds")
        self.ready = self._gauge(f"{PREFIX}ready")
        self.topic_errors = self._counter(f"{PREFIX}topic_errors_total")
        self.store_errors = self._counter(f"{PREFIX}store_errors_total")
        self.webhooks = self._counter(f"{PREFIX}webhooks_total")
        self.build_info = self._gauge(f"{PREFIX}build_info")
        for refusal in get_args(Refusal):  # every series exists from the start, at 0
            self.refused.labels(refusal)
        for closing in get_args(Closing):
            self.connections_closed.labels(closing)
        for outcome in get_args(WebhookOutcome):
            self.webhooks.labels(outcome)
        # Looked up once: a lookup for each request would cost as much as the observation. Both are bounded, since
        # operations are.
        self._requests_of = cache(self._labelled_requests)
        self._request_s_of = cache(self._labelled_request_s)

    def answered(self, operation: str, method: str, status: int, seconds: float | None, *, wait: bool) -> None:
        """Count a request. operation: the path's template. seconds: None for a stream."""
        self._requests_of(operation, method if method in METHODS else "other", status // 100).inc()
        if seconds is not None:
            self._request_s_of(operation, wait).observe(seconds)

    def _labelled_requests(self, operation: str, method: str, hundreds: int) -> Counter:
        return self.requests.labels(operation, method, f"{hundreds}xx")

    def _labelled_request_s(self, operation: str, wait: bool) -> Histogram:
        return self.request_s.labels(operation, "yes" if wait else "no")
