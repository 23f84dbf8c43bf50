"""The page worker exports exactly the metrics of its list, under its own prefix."""

import re

from mmdigit.forms.worker.metrics import METRICS, PREFIX, PageMetrics


def test_page_metrics_export_exactly_the_list() -> None:
    exported = {family.name for family in PageMetrics().registry.collect() if family.name.startswith("mmdigit")}
    assert exported == {re.sub("_total$", "", metric.name) for metric in METRICS}


def test_page_metrics_have_the_prefix_and_base_unit() -> None:
    for metric in METRICS:
        assert metric.name.startswith(PREFIX)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert ("_seconds" in metric.name) == (metric.unit == "seconds")


def test_every_series_of_a_state_exists_at_zero() -> None:
    metrics = PageMetrics()
    for state in ("read", "unreadable", "no_markers", "foreign_form"):
        assert metrics.registry.get_sample_value("mmdigit_forms_registered_pages_total", {"state": state}) == 0
    assert metrics.registry.get_sample_value("mmdigit_forms_registered_pages_total", {"state": "missing_page"}) is None
