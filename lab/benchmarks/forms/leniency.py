"""How much doubt a field may have: chosen on half of the writers, checked on the other half."""

from collections.abc import Sequence

import numpy as np

from lab.benchmarks.forms.page_result import FieldResult
from mmdigit.forms.template.template import DEFAULT_TARGET_ERROR
from mmdigit.reading.error_bounds import error_bound


def largest_doubt(fields: Sequence[FieldResult], target_error: float = DEFAULT_TARGET_ERROR) -> float:
    """The doubt up to which the mean doubt of what is accepted is at most the target error; 0 if there is none."""
    doubts = np.sort([field.doubt for field in fields if field.sound])
    within = np.flatnonzero(np.cumsum(doubts) <= target_error * np.arange(1, doubts.size + 1))
    return float(doubts[within[-1]]) if within.size else 0.0


def check(chosen_on: Sequence[FieldResult], checked_on: Sequence[FieldResult]) -> dict[str, float]:
    """What the doubt that is chosen on some writers' fields accepts of other writers' fields."""
    doubt = largest_doubt(chosen_on)
    accepted = [field for field in checked_on if field.sound and field.doubt <= doubt]
    wrong = sum(not field.right for field in accepted)
    return {
        "doubt": round(doubt, 5),
        "leniency": round(doubt / DEFAULT_TARGET_ERROR, 2),
        "fields": len(checked_on),
        "accepted": len(accepted),
        "wrong": wrong,
        "mean_doubt": round(float(np.mean([field.doubt for field in accepted])) if accepted else 0.0, 5),
        "wrong_bound_95": round(error_bound(wrong, len(accepted)) if accepted else 1.0, 5),
    }
