"""GatewayMetrics: bounded labels, and series that are there from the start."""

from typing import get_args

from mmdigit.gateway.metrics import METRICS, PREFIX, Closing, GatewayMetrics, Refusal, WebhookOutcome


def series(metrics: GatewayMetrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == f"{PREFIX}{name}"
    }


def test_every_metric_has_the_prefix_and_is_registered() -> None:
    registered = {family.name for family in GatewayMetrics().registry.collect()}
    for metric in METRICS:
        assert metric.name.startswith(PREFIX)
        assert metric.name.removesuffix("_total") in registered


def test_reasons_are_there_from_the_start() -> None:
    metrics = GatewayMetrics()
    assert series(metrics, "refused_total") == {(reason,): 0 for reason in get_args(Refusal)}
    assert series(metrics, "connections_closed_total") == {(reason,): 0 for reason in get_args(Closing)}
    assert series(metrics, "webhooks_total") == {(outcome,): 0 for outcome in get_args(WebhookOutcome)}


def test_answered_counts_by_operation_method_and_class() -> None:
    metrics = GatewayMetrics()
    for status in (200, 202, 422, 503):
        metrics.answered("/v1/jobs", "POST", status, 0.25, wait=False)
    metrics.answered("/v1/jobs", "POST", 200, 2.0, wait=True)
    metrics.answered("/v1/groups/{group}/events", "GET", 200, None, wait=False)
    metrics.answered("unknown", "A-METHOD-OF-THE-CALLER", 404, 0.001, wait=False)
    assert series(metrics, "requests_total") == {
        ("/v1/jobs", "POST", "2xx"): 3,
        ("/v1/jobs", "POST", "4xx"): 1,
        ("/v1/jobs", "POST", "5xx"): 1,
        ("/v1/groups/{group}/events", "GET", "2xx"): 1,
        ("unknown", "other", "4xx"): 1,
    }
    assert series(metrics, "request_seconds_sum") == {
        ("/v1/jobs", "no"): 1.0,
        ("/v1/jobs", "yes"): 2.0,
        ("unknown", "no"): 0.001,
    }
