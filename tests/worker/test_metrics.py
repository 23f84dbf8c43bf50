"""The list of metrics is what is exported, no more and no less."""

import re

from worker.metrics import METRICS, Metrics


def exported() -> set[str]:
    return {family.name for family in Metrics().registry.collect() if family.name.startswith("mmdigit_")}


def test_every_metric_of_the_list_is_exported_and_no_other() -> None:
    assert exported() == {re.sub("_total$", "", metric.name) for metric in METRICS}


def test_names_are_prefixed_and_carry_their_base_unit() -> None:
    for metric in METRICS:
        assert metric.name.startswith("mmdigit_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert ("_seconds" in metric.name) == (metric.unit == "seconds")


def test_no_label_is_unbounded() -> None:
    bounded = {"outcome", "reason", "stage", "event", "topic", "partition", "version"}
    assert {label for metric in METRICS for label in metric.labels} <= bounded


def test_a_stage_counts_wall_and_cpu_time() -> None:
    metrics = Metrics()
    with metrics.stage("decode"):
        pass
    assert metrics.registry.get_sample_value("mmdigit_stage_seconds_count", {"stage": "decode"}) == 1
