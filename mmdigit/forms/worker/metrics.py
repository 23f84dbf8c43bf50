"""Every metric of the page worker, in one list that docs/operate/metrics.md is generated from."""

from collections import Counter as Tally
from datetime import datetime
from typing import get_args

from mmdigit.consuming.metrics import LOOP_METRICS, LoopMetrics
from mmdigit.forms.cells.reader import CellState
from mmdigit.forms.store.ports import PageState
from mmdigit.forms.worker.registrar import RegisteredPage
from mmdigit.telemetry.metrics import Metric, prefixed

PREFIX = "mmdigit_forms_"
SPOKEN_OUTCOMES = ("heard", "conflict", "not_heard", "spoken_differs")
STAGES = ("poll", "decode", "register", "publish", "store", "dead_letter", "commit")
_LATENCY_BUCKETS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0, 172800.0)
_NOT_OF_A_PAGE = ("duplicate", "missing_page")  # told of a stack, after its pages are read

METRICS = (
    *prefixed(
        PREFIX,
        (
            Metric("registered_pages_total", "counter", "", "Pages kept: read, or why a person must look.", ("state",)),
            Metric("cells_total", "counter", "", "Boxes of the pages that are read, by state.", ("state",)),
            Metric(
                *("spoken_fields_total", "counter", ""),
                "Fields with a recording by outcome: heard, conflict (a digit is heard that is not the written one), "
                "or why the recording does not help.",
                ("outcome",),
            ),
            Metric("jobs_published_total", "counter", "", "Jobs that the jobs' topic has acknowledged."),
            Metric(
                *("latency_seconds", "histogram", "seconds", "From a page's created_at until it is kept."),
                buckets=_LATENCY_BUCKETS_S,
            ),
        ),
    ),
    *prefixed(PREFIX, LOOP_METRICS),
)


class PageMetrics(LoopMetrics):
    """The metrics of METRICS, in their own registry."""

    def __init__(self) -> None:
        super().__init__(METRICS, PREFIX, STAGES)
        self.pages = self._counter(f"{PREFIX}registered_pages_total")
        self.cells = self._counter(f"{PREFIX}cells_total")
        self.spoken_fields = self._counter(f"{PREFIX}spoken_fields_total")
        self.jobs_published = self._counter(f"{PREFIX}jobs_published_total")
        self.latency_s = self._histogram(f"{PREFIX}latency_seconds")
        for kind in get_args(PageState):
            for state in get_args(kind):
                if state not in _NOT_OF_A_PAGE:
                    self.pages.labels(state)
        for state in get_args(CellState):
            self.cells.labels(state)
        for outcome in SPOKEN_OUTCOMES:
            self.spoken_fields.labels(outcome)

    def count_page(self, registered: RegisteredPage, created_at: datetime, kept_at: datetime) -> None:
        """Count a page that is kept, and whose jobs are acknowledged."""
        page = registered.page
        self.pages.labels(page.state).inc()
        self.jobs_published.inc(len(registered.jobs))
        states = Tally(cell.state for field in page.fields for cell in field.cells)
        for state, cells in states.items():
            self.cells.labels(state).inc(cells)
        for heard in page.heard.values():
            self.spoken_fields.labels(heard.reason or ("conflict" if heard.differs else "heard")).inc()
        self.latency_s.observe(max(0.0, (kept_at - created_at).total_seconds()))  # another machine's clock may be ahead
