"""The page worker exports exactly the metrics of its list, under its own prefix."""

import re
from dataclasses import replace

from mmdigit.forms.spoken.heard import HeardBox, HeardField
from mmdigit.forms.worker.metrics import METRICS, PREFIX, SPOKEN_OUTCOMES, PageMetrics
from mmdigit.forms.worker.registrar import RegisteredPage
from tests.mmdigit.forms.store.kept import NOW, page


def test_page_metrics_export_exactly_the_list() -> None:
    exported = {family.name for family in PageMetrics().registry.collect() if family.name.startswith("mmdigit")}
    assert exported == {re.sub("_total$", "", metric.name) for metric in METRICS}


def test_page_metrics_have_the_prefix_and_base_unit() -> None:
    for metric in METRICS:
        assert metric.name.startswith(PREFIX)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert ("_seconds" in metric.name) == (metric.unit == "seconds")


def test_spoken_fields_are_counted_by_what_became_of_them() -> None:
    metrics, box = PageMetrics(), HeardBox(7, 0.0, 0.5, 0, 7)
    heard = {
        "member": HeardField("*", (box, replace(box, written=None))),
        "born": HeardField("*", (box, replace(box, written=1))),
        "amount": HeardField("amount", (replace(box, written=None, box=None),), "spoken_differs"),
        "arrived": HeardField(None, (), "not_heard"),
    }
    metrics.count_page(RegisteredPage(page(1, heard=heard)), NOW, NOW)
    counts = {
        outcome: metrics.registry.get_sample_value("mmdigit_forms_spoken_fields_total", {"outcome": outcome})
        for outcome in SPOKEN_OUTCOMES
    }
    assert counts == dict.fromkeys(SPOKEN_OUTCOMES, 1.0)


def test_every_series_of_a_state_exists_at_zero() -> None:
    metrics = PageMetrics()
    for state in ("read", "unreadable", "no_markers", "foreign_form"):
        assert metrics.registry.get_sample_value("mmdigit_forms_registered_pages_total", {"state": state}) == 0
    assert metrics.registry.get_sample_value("mmdigit_forms_registered_pages_total", {"state": "missing_page"}) is None
