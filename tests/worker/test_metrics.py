"""The metrics that are exported are exactly those of the list."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mmdigit.reading.metadata import Baseline
from tests.factories import CREATED_AT, make_dead_letter, make_prediction
from tests.worker.fakes import Bench, FakeModel
from worker.metrics import METRICS, Metrics


def exported() -> set[str]:
    return {family.name for family in Metrics().registry.collect() if family.name.startswith("mmdigit_")}


def test_metrics_export_exactly_the_list() -> None:
    assert exported() == {re.sub("_total$", "", metric.name) for metric in METRICS}


def test_metric_names_have_the_prefix_and_base_unit() -> None:
    for metric in METRICS:
        assert metric.name.startswith("mmdigit_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert ("_seconds" in metric.name) == (metric.unit == "seconds")


def test_labels_are_bounded() -> None:
    bounded = {
        *("outcome", "reason", "stage", "event", "topic", "partition", "version"),
        *("input", "label", "decision", "measure", "cause"),
    }
    assert {label for metric in METRICS for label in metric.labels} <= bounded


def test_stage_counts_wall_and_cpu_time() -> None:
    metrics = Metrics()
    with metrics.stage("decode"):
        pass
    assert metrics.registry.get_sample_value("mmdigit_stage_seconds_count", {"stage": "decode"}) == 1


def test_count_is_by_input_digit_and_decision() -> None:
    metrics = Metrics()
    image, other = make_prediction(3), make_prediction(4)
    conflict = {"audio": image.image, "fused": image.image, "decision": "review", "reasons": ("conflict",)}
    both = make_prediction(3).model_copy(update=conflict | {"confidence": 0.62})
    audio = make_prediction(7).model_copy(update={"image": None, "audio": image.image})
    metrics.count([image, image, other, both, audio], [make_dead_letter()], stored_at=CREATED_AT)
    value = metrics.registry.get_sample_value
    counted = {
        ("image", "3", "accept"): 2,
        ("image", "4", "accept"): 1,
        ("both", "3", "review"): 1,
        ("audio", "7", "accept"): 1,
    }
    for (held, label, decision), jobs in counted.items():
        labels = {"input": held, "label": label, "decision": decision}
        assert value("mmdigit_predictions_total", labels) == jobs
    assert value("mmdigit_review_reasons_total", {"reason": "conflict"}) == 1
    assert [value("mmdigit_jobs_total", {"outcome": name}) for name in ("accept", "review", "dead_letter")] == [4, 1, 1]
    assert value("mmdigit_confidence_sum", {"input": "both"}) == 0.62
    assert value("mmdigit_confidence_bucket", {"input": "both", "le": "0.7"}) == 1
    assert value("mmdigit_confidence_bucket", {"input": "both", "le": "0.6"}) == 0


def test_set_baseline_exports_only_what_was_evaluated() -> None:
    metrics = Metrics()
    metrics.set_baseline({"image": Baseline(0.99, 0.0, 0.16), "both": Baseline(0.999, 0.008, None)})
    shown = {
        (sample.labels["input"], sample.labels["measure"]): sample.value
        for family in metrics.baseline.collect()
        for sample in family.samples
    }
    assert shown == {
        ("image", "confidence"): 0.99,
        ("image", "conflict_share"): 0.0,
        ("image", "review_share"): 0.16,
        ("both", "confidence"): 0.999,
        ("both", "conflict_share"): 0.008,
    }


@pytest.mark.parametrize(
    "version", ['1"} 7\nmmdigit_jobs_total{outcome="accept', "\\", "\x1b[2J\u202e\r", "\u2028\x85\x0b"]
)
def test_model_version_is_escaped_in_its_label(version: str) -> None:
    model = FakeModel()
    model.model_version = version
    bench = Bench(model=model)
    text = generate_latest(bench.metrics.registry).decode()
    assert text.replace("\n", "").isprintable()
    [family] = [found for found in text_string_to_metric_families(text) if found.name == "mmdigit_model_info"]
    assert [sample.value for sample in family.samples] == [1.0]
