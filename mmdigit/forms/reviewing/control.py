"""What a control shows: how many of the accepted fields are wrong at most, by ISO week.

Blank fields do not count: nearly all are right, and a form has many of them. One counts as soon as the reader or the
person sees writing in it. The week is that in which the page was received. The bound is exact
(Clopper and Pearson), one-sided, 95 %.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mmdigit.forms.store.ports import Change, FieldRecord, StoredPage
from mmdigit.forms.table.rows import named_slots
from mmdigit.forms.template.template import Template
from mmdigit.reading.error_bounds import error_bound


@dataclass(frozen=True)
class ControlledWeek:
    """week: "2026-W48"; "2026-W47/2026-W48" of several. keyed: accepted fields that a person has keyed, but for blank
    ones. target: the mean of their target errors. unconfirmed: of the wrong ones, those that one person has keyed, or
    two who differ."""

    week: str
    keyed: int
    wrong: int
    target: float
    unconfirmed: int = 0

    @property
    def bound(self) -> float:
        """The share of the accepted fields that is wrong is at most this, with 95 % confidence."""
        return error_bound(self.wrong, self.keyed)

    @property
    def described(self) -> str:
        unconfirmed = f" ({self.unconfirmed:,} not yet confirmed)" if self.unconfirmed else ""
        return (
            f"{self.week}: {self.keyed:,} accepted fields controlled that are not blank, {self.wrong:,} wrong"
            f"{unconfirmed}; of all "
            f"such fields at most {100 * self.bound:.3g} % are wrong (95 %), target {100 * self.target:.3g} %"
        )


def is_wrong(record: FieldRecord) -> bool:
    """Whether a controlled value was accepted wrongly: by the last correction if there is one, else by the control."""
    truth = _truth(record)
    return truth is not None and truth.text != record.value.text


def _is_blank(record: FieldRecord) -> bool:
    truth = _truth(record)
    return not record.value.text and (truth is None or not truth.text)


def _truth(record: FieldRecord) -> Change | None:
    return record.correction or record.control


def controlled_weeks(
    controlled: Iterable[tuple[StoredPage, FieldRecord]], template: Template
) -> list[ControlledWeek]:  # fmt: skip
    """The weeks in which fields were controlled, oldest first. controlled: as PageStore.controlled gives them."""
    targets = {(number, slot.name): slot.field.target_error for number, slot in named_slots(template)}
    weeks: dict[str, list[tuple[bool, bool, float]]] = defaultdict(list)
    for page, record in controlled:
        if _is_blank(record):
            continue
        wrong, target = is_wrong(record), targets[page.page or 0, record.value.name]
        weeks[week_of(page.received_at)].append((wrong, wrong and record.correction is None, target))
    return [
        ControlledWeek(
            week,
            len(found),
            sum(wrong for wrong, _, _ in found),
            mean([target for _, _, target in found]),
            sum(unconfirmed for _, unconfirmed, _ in found),
        )
        for week, found in sorted(weeks.items())
    ]


def together(weeks: Sequence[ControlledWeek]) -> ControlledWeek | None:
    """Several as one; None if there are none. weeks: oldest first."""
    if not weeks:
        return None
    keyed = sum(week.keyed for week in weeks)
    target = math.fsum(week.target * week.keyed for week in weeks) / keyed
    names = dict.fromkeys((weeks[0].week, weeks[-1].week))
    wrong, unconfirmed = sum(week.wrong for week in weeks), sum(week.unconfirmed for week in weeks)
    return ControlledWeek("/".join(names), keyed, wrong, target, unconfirmed)


def week_of(time: datetime) -> str:
    year, week, _ = time.isocalendar()
    return f"{year}-W{week:02d}"


def target_of(template: Template) -> float:
    """The mean target error of a form's fields; 0 if it has none."""
    targets = [slot.field.target_error for _, slot in named_slots(template)]
    return mean(targets) if targets else 0.0


def mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
