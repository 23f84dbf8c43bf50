"""What people's words say of the model: where it is wrong, and from which chance its values may be accepted.

A threshold is fitted for each kind of field, never a weight. Two groups of fields count, each by its own size: the
accepted ones, of which a control knows a random sample, and those that were only too unsure, of which people have
corrected or confirmed some. Of each the error above a chance is bounded (Clopper and Pearson), so that the bound of
both together holds with 95 %.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.fields.thresholds import FieldThreshold, Thresholds, kind_of
from mmdigit.forms.fields.weighing import LENIENCE
from mmdigit.forms.reviewing.queue import Queued, fields_of
from mmdigit.forms.store.ports import FieldRecord, PageStore, StoredPage
from mmdigit.forms.table.assembling import forms_of
from mmdigit.forms.template.template import Template
from mmdigit.reading.error_bounds import error_bound

GRID = 1 - 10 ** (-np.arange(5, 61) / 10)
"""The chances that may become a threshold, from 0.68 to 0.999999."""
CONFIDENCE = 0.95
PENS_MM2 = (3.0, 6.0)  # ink of a page's digits, the median: below is a thin pen, above a thick one
Stratum = Literal["accepted", "unsure"]


@dataclass
class Evidence:
    """Of one kind of field and one stratum, by GRID: how many fields there are, are looked at, and are wrong."""

    there: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(GRID), np.int64))
    looked_at: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(GRID), np.int64))
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(GRID), np.int64))

    def add(self, chance: float, looked_at: bool, wrong: bool) -> None:
        step = int(np.searchsorted(GRID, chance, side="right")) - 1
        if step >= 0:
            self.there[step] += 1
            self.looked_at[step] += looked_at
            self.wrong[step] += looked_at and wrong

    def from_step(self, step: int) -> tuple[int, int, int]:
        """there, looked_at and wrong of at least GRID[step]."""
        return int(self.there[step:].sum()), int(self.looked_at[step:].sum()), int(self.wrong[step:].sum())


@dataclass
class Lesson:
    """What is learnt of a template's fields. Each table: what, to how many are looked at and how many were wrong."""

    model_version: str = ""
    tables: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Read and true digit."""
    evidence: dict[str, dict[Stratum, Evidence]] = field(default_factory=dict)
    """By kind of field."""
    targets: dict[str, float] = field(default_factory=dict)
    """The strictest target error of each kind."""


def learn(store: PageStore, template: Template) -> Lesson:
    """Look at everything that the store holds of a template. Thresholds are learnt for the model with most fields."""
    versions: Counter[str] = Counter()
    for _, queued in _all(store, template):
        if queued.record.value.chance is not None:
            versions[queued.record.value.model_version] += 1
    lesson = Lesson(max(versions, key=lambda version: versions[version], default=""))
    pens: dict[str, str] = {}
    for page, queued in _all(store, template):
        record, kind = queued.record, kind_of(queued.slot.field)
        target = queued.slot.field.target_error
        lesson.targets[kind] = min(target, lesson.targets.get(kind, target))
        truth = record.correction or record.control
        wrong = truth is not None and truth.text != record.value.text
        if truth is not None:
            if page.group not in pens:
                pens = {page.group: _pen(store, page)}  # fields of a page follow each other
            places = {
                "field": queued.slot.name, "writer": f"form {queued.serial}", "scanner": page.scanner or "not known",
                "pen": pens[page.group],
            }  # fmt: skip
            for table, name in places.items():
                counts = lesson.tables.setdefault(table, {}).setdefault(name, [0, 0])
                counts[0] += 1
                counts[1] += wrong
            if wrong:
                lesson.confusions.update(_confused(record.value.text, truth.text))
        stratum, chance = _stratum(record), record.value.chance
        if stratum is not None and chance is not None and record.value.model_version == lesson.model_version:
            looked_at = (record.control if stratum == "accepted" else record.correction) is not None
            strata = lesson.evidence.setdefault(kind, defaultdict(Evidence))
            strata[stratum].add(chance, looked_at, wrong)
    return lesson


def fit(strata: Sequence[Evidence], target: float) -> FieldThreshold | None:
    """The smallest chance from which the bound of the error meets the target; None if it meets it nowhere.

    Begins with the chance from which values are accepted without a threshold, and goes down while the bound holds, or
    up until it does: the first failure ends the search, so that trying many chances does not make the bound too small.
    """
    step = min(int(np.searchsorted(GRID, 1 - LENIENCE * target)), len(GRID) - 1)
    if _bound(strata, step) <= target:
        while step > 0 and _bound(strata, step - 1) <= target:
            step -= 1
    else:
        while _bound(strata, step) > target:
            step += 1
            if step == len(GRID):
                return None
    _, looked_at, wrong = np.sum([each.from_step(step) for each in strata], axis=0).tolist()
    return FieldThreshold(
        chance=round(float(GRID[step]), 7), target_error=target, bound=_bound(strata, step), looked_at=looked_at,
        wrong=wrong,
    )  # fmt: skip


def thresholds_of(lesson: Lesson, template: Template) -> Thresholds:
    """A threshold for each kind of field for which one can be shown."""
    fitted = {kind: fit(list(strata.values()), lesson.targets[kind]) for kind, strata in lesson.evidence.items()}
    fields = {kind: found for kind, found in sorted(fitted.items()) if found is not None}
    return Thresholds(version=1, form=template.form, model_version=lesson.model_version, fields=fields)


def _bound(strata: Sequence[Evidence], step: int) -> float:
    """Of the share of all fields of at least GRID[step] that is wrong; 1 if there are none."""
    counts = [found for found in (each.from_step(step) for each in strata) if found[0]]
    if not counts:
        return 1.0
    level = 1 - (1 - CONFIDENCE) / len(counts)  # all bounds together hold with CONFIDENCE
    wrong = sum(there * error_bound(wrong, looked_at, level) for there, looked_at, wrong in counts)
    return float(wrong / sum(there for there, _, _ in counts))


def _all(store: PageStore, template: Template) -> Iterator[tuple[StoredPage, Queued]]:
    for form in forms_of(store.pages(template.digest), template):
        for queued in fields_of(form, template):
            yield form.pages[queued.page].page, queued


def _stratum(record: FieldRecord) -> Stratum | None:
    """None if something else than its chance decides over the field."""
    if record.value.decision == "accept":
        return "accepted"
    return "unsure" if record.value.reasons == ("low_confidence",) else None


def _pen(store: PageStore, page: StoredPage) -> str:
    ink = [cell.ink_mm2 for each in store.fields(page.group) for cell in each.cells if cell.job_id is not None]
    if not ink:
        return "not known"
    median = float(np.median(ink))
    return "thin" if median < PENS_MM2[0] else "thick" if median > PENS_MM2[1] else "usual"


def _confused(read: str, truth: str) -> Iterator[tuple[str, str]]:
    """The digits that differ, if both have the same number of them."""
    ours, theirs = ("".join(filter(str.isdigit, text)) for text in (read, truth))
    if len(ours) == len(theirs):
        yield from ((one, other) for one, other in zip(ours, theirs, strict=True) if one != other)
