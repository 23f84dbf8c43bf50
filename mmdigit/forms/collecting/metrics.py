"""Every metric of `mmdigit form collect --follow`, in one list that docs/operate/metrics.md is generated from."""

from mmdigit.forms.collecting.progress import Standing
from mmdigit.forms.reviewing.control import ControlledWeek
from mmdigit.telemetry.metrics import Metric, RegisteredMetrics

FORM_METRICS = (
    Metric("mmdigit_forms_pages", "gauge", "", "Pages by state: done, unread (jobs not answered yet), failed.",
           ("form", "state")),
    Metric("mmdigit_forms_fields", "gauge", "", "Fields as the model decided them: accept or review.",
           ("form", "decision")),
    Metric("mmdigit_forms_decided_pages_total", "counter", "", "Pages that this collector has decided.", ("form",)),
    Metric("mmdigit_forms_review_reasons_total", "counter", "",
           "Reasons for review of the fields that this collector has decided.", ("form", "reason")),
    Metric("mmdigit_forms_collect_retries_total", "counter", "", "Failed attempts to use a store that are retried."),
    Metric("mmdigit_forms_controlled_fields_total", "gauge", "",
           "Accepted fields, blank ones aside, that people have keyed for control, of the last ISO week that has any.",
           ("form",)),
    Metric("mmdigit_forms_controlled_wrong_total", "gauge", "", "Those of them that were wrong.", ("form",)),
    Metric("mmdigit_forms_error_bound", "gauge", "",
           "Upper bound (95 %) of the share of such fields that is wrong, of that week; missing until one is keyed.",
           ("form",)),
    Metric("mmdigit_forms_target_error", "gauge", "", "The share of the accepted fields that may be wrong.", ("form",)),
)  # fmt: skip
"""No label is unbounded: form is the code of the template that the program was started with."""


class CollectMetrics(RegisteredMetrics):
    """The metrics of FORM_METRICS of one form."""

    def __init__(self, form: str) -> None:
        super().__init__(FORM_METRICS)
        self._form = form
        self._pages = self._gauge("mmdigit_forms_pages")
        self._fields = self._gauge("mmdigit_forms_fields")
        self._controlled = self._gauge("mmdigit_forms_controlled_fields_total")
        self._wrong = self._gauge("mmdigit_forms_controlled_wrong_total")
        self._bound = self._gauge("mmdigit_forms_error_bound")
        self._target = self._gauge("mmdigit_forms_target_error")
        self.decided = self._counter("mmdigit_forms_decided_pages_total").labels(form)
        self._reasons = self._counter("mmdigit_forms_review_reasons_total")
        self.retries = self._counter("mmdigit_forms_collect_retries_total")

    def show(self, standing: Standing) -> None:
        for state, pages in (
            ("done", standing.done - standing.failed),
            ("unread", standing.pages - standing.done),
            ("failed", standing.failed),
        ):
            self._pages.labels(self._form, state).set(pages)
        self._fields.labels(self._form, "accept").set(standing.accepted)
        self._fields.labels(self._form, "review").set(standing.review)

    def show_control(self, target: float, week: ControlledWeek | None) -> None:
        """week: the last one that has controlled fields, if there is any."""
        self._target.labels(self._form).set(target if week is None else week.target)
        if week is not None:
            self._controlled.labels(self._form).set(week.keyed)
            self._wrong.labels(self._form).set(week.wrong)
            self._bound.labels(self._form).set(week.bound)

    def count_reason(self, reason: str) -> None:
        self._reasons.labels(self._form, reason).inc()
