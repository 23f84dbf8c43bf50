"""Free fields: what value, how sure, and why a person has to look."""

import math
from dataclasses import replace

import pytest

from mmdigit.forms.fields.free_lines import ReadLine, weigh_line
from mmdigit.forms.fields.weighing import FieldReason, FieldValue
from mmdigit.forms.store.ports import StoredCell
from mmdigit.forms.template.template import Range
from schemas.errors import DataError
from tests.mmdigit.forms.fields.test_weighing import slot

WRITTEN, BLANK = StoredCell("digit", 20.0, None), StoredCell("blank", 0.0, None)
LEAST = 0.997
FREE = {"free": True}


def line(digits: str, confidence: float = 0.9999, *reasons: FieldReason) -> ReadLine:
    rest = (1 - confidence) / 9
    rows = tuple(tuple(confidence if digit == int(each) else rest for digit in range(10)) for each in digits)
    return ReadLine(rows, reasons, LEAST, "model-1")


def value(read: ReadLine | None, cell: StoredCell = WRITTEN, least: float | None = None, **field: object) -> FieldValue:
    return weigh_line(slot(4, **{**FREE, **field}), True, cell, read, least).decided()


def test_sure_digits_are_accepted_with_leading_zeros() -> None:
    found = value(line("0042"))
    assert (found.text, found.decision) == ("0042", "accept")
    assert found.chance == pytest.approx(0.9999**4)


def test_the_stricter_of_reader_and_target_error_decides() -> None:
    chance = 0.9992**4  # between the bar by the default target error and that of the reader
    assert 1 - 3 * 0.0014 < chance < LEAST
    assert value(line("0042", 0.9992)).reasons == ("low_confidence",)
    assert value(line("0042", 0.9992), target_error=0.2).reasons == ("low_confidence",)
    assert value(line("0042"), target_error=0.00001).reasons == ("low_confidence",)
    assert value(line("0042", 0.9992), least=0.9).reasons == ()


def test_model_without_a_bar_accepts_by_thresholds_alone() -> None:
    unknown = replace(line("0042", 1.0), least_chance=None)
    assert value(unknown).reasons == ("low_confidence",)
    assert value(unknown, least=0.99).reasons == ()


def test_checks_make_a_value_surer_and_correct_nothing_silently() -> None:
    plain, checked = value(line("0042", 0.9992)), value(line("0042", 0.9992), validators=("luhn",))
    assert plain.chance is not None
    assert checked.chance is not None
    assert (checked.reasons, checked.chance > plain.chance) == ((), True)
    assert "not_valid" in value(line("0043"), validators=("luhn",)).reasons
    assert value(line("0042"), range=Range(max="0041")).decision == "review"


@pytest.mark.parametrize("reason", ["touching", "count_differs", "ink_left_out", "crossed_out", "not_a_digit"])
def test_reasons_of_the_reader_send_to_review(reason: FieldReason) -> None:
    found = value(line("0042", 0.9999, reason))
    assert (found.text, found.decision, found.reasons) == ("0042", "review", (reason,))


@pytest.mark.parametrize("digits", ["", "123", "12345"])
def test_other_number_of_digits_is_no_value(digits: str) -> None:
    found = value(line(digits, 0.9999, "count_differs"))
    assert (found.text, found.reasons, found.chance) == ("????", ("count_differs",), None)


def test_blank_and_blackened_fields_are_told() -> None:
    assert (value(None, BLANK).text, value(None, BLANK).reasons) == ("", ("blank",))
    assert value(None, BLANK, blank="accept").decision == "accept"
    assert value(None, StoredCell("over_full", 200.0, None)).reasons == ("over_full",)
    assert weigh_line(slot(4, **FREE), False, BLANK, None).reasons == ("frame_not_found", "blank")


def test_line_that_nobody_has_read_is_an_error() -> None:
    with pytest.raises(DataError, match="expected what is read in the free field f"):
        value(None)


def test_chances_stay_chances_whatever_the_digits() -> None:
    found = value(ReadLine(((1.0, *[0.0] * 9),) * 4, (), LEAST, "model-1"))
    assert (found.text, found.chance) == ("0000", 1.0)
    assert not math.isnan(found.chance or 0.0)
