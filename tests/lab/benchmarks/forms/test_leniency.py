"""Leniency: the mean doubt of what is accepted is the target error, and the other half shows what came of it."""

import pytest

from lab.benchmarks.forms.leniency import check, largest_doubt
from lab.benchmarks.forms.page_result import FieldResult


def field(doubt: float, *, right: bool = True, sound: bool = True) -> FieldResult:
    return FieldResult("f", "12345678", "12345678" if right else "12345679", False, doubt, sound, True)


def test_largest_doubt_is_where_the_mean_reaches_the_target() -> None:
    fields = [field(doubt) for doubt in (0.004, 0.0, 0.001, 0.002, 0.5)]
    assert largest_doubt(fields, 0.001) == 0.002
    assert largest_doubt(fields, 0.00175) == 0.004
    assert largest_doubt([field(0.5)], 0.001) == 0.0


def test_fields_that_are_reviewed_anyway_do_not_count() -> None:
    fields = [field(0.002), field(0.0, sound=False)]
    assert largest_doubt(fields, 0.0015) == 0.0
    assert check(fields, fields)["accepted"] == 0


def test_check_counts_what_is_wrong_on_the_other_fields() -> None:
    chosen = [field(0.0014), field(0.0)]
    found = check(chosen, [field(0.001, right=False), field(0.0014), field(0.1, right=False)])
    assert (found["accepted"], found["wrong"]) == (2, 1)
    assert found["wrong_bound_95"] == pytest.approx(0.97468)
