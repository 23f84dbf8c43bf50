"""Collector: decides the pages whose jobs are all answered. Several may run; a page is decided once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.fields.thresholds import Thresholds
from mmdigit.forms.fields.weighing import DEAD_LETTER, Outcome
from mmdigit.forms.store.ports import PageStore, StoredPage, StoredValue
from mmdigit.forms.template.template import Template
from mmdigit.transport.ports import PredictionStore

BATCH = 50  # pages that are looked at together
PATIENCE = 20  # batches in a row without a page to decide, after which a sweep ends


@dataclass(frozen=True)
class Decided:
    """What a batch has added: pages, and the values of their fields."""

    pages: int
    values: tuple[StoredValue, ...]


class Collector:
    """Decides pages of one template."""

    def __init__(
        self,
        template: Template,
        forms: PageStore,
        predictions: PredictionStore,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._template, self._forms, self._predictions = template, forms, predictions
        self._thresholds = thresholds
        self._after = 0

    def sweep(self) -> Iterator[Decided]:
        """Look at the pages that are not decided yet, and decide those that can be; one Decided a batch.

        Ends at the last page, or when many in a row have to wait. The next sweep then begins with the oldest page
        again, or, if this one has decided none, goes on where it ended: pages that wait forever hold up no others.
        """
        idle, any_decided = 0, False
        while idle < PATIENCE:
            batch = self._forms.unread_pages(self._template.digest, BATCH, self._after)
            if not batch:
                self._after = 0
                return
            self._after = batch[-1][0]
            decided = self._decide([page for _, page in batch])
            any_decided |= decided.pages > 0
            idle = 0 if decided.pages else idle + 1
            yield decided
        if any_decided:
            self._after = 0

    def _decide(self, pages: Sequence[StoredPage]) -> Decided:
        jobs = {page.group: job_ids_of(page) for page in pages}
        # The last job of a page tells whether the others are worth asking for.
        last = self._outcomes([ids[-1] for ids in jobs.values() if ids])
        values: dict[str, tuple[StoredValue, ...]] = {}
        for page in pages:
            names = jobs[page.group]
            if names and names[-1] not in last:
                continue
            outcomes = self._outcomes(names)
            if all(name in outcomes for name in names):
                values[page.group] = decide_page(self._template, page, outcomes, self._thresholds)
        kept = self._forms.put_values(values) if values else frozenset()
        return Decided(len(kept), tuple(value for group in kept for value in values[group]))

    def _outcomes(self, job_ids: Sequence[str]) -> dict[str, Outcome]:
        """Of the jobs that have one."""
        outcomes: dict[str, Outcome] = {}
        missing = []
        for name, prediction in zip(job_ids, self._predictions.get(job_ids), strict=True):
            if prediction is None:
                missing.append(name)
            else:
                outcomes[name] = prediction
        for name, reason in zip(missing, self._predictions.dead_letter_reasons(missing), strict=True):
            if reason is not None:
                outcomes[name] = DEAD_LETTER
        return outcomes
