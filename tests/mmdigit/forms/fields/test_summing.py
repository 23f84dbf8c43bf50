"""Sums: what confirms the values of a page, what corrects them, and what sends them to review."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.forms.fields.summing import MODULUS, decide_fields
from mmdigit.forms.fields.weighing import SLIP, FieldReason, FieldValue, Reading, candidates_of
from mmdigit.forms.template.layout import Slot
from mmdigit.forms.template.template import Boxes, FormField, FormPage, Sum

TOTAL = Sum(total="total", of=("items.amount",))
PAGE = FormPage(sums=(TOTAL,))
SURE, UNSURE = 1e-6, 0.02  # doubts of a digit


def rows(digits: str, doubt: float = SURE, other: str | None = None) -> NDArray[np.float64]:
    """other: the digits that have all of the doubt; None = all nine others alike."""
    probabilities = np.full((len(digits), 10), doubt / 9 if other is None else 1e-12)
    for place, digit in enumerate(digits):
        if other is not None:
            probabilities[place, int(other[place])] = doubt
        probabilities[place, int(digit)] = 1 - doubt
    return probabilities


def reading(
    name: str, probabilities: NDArray[np.float64] | None, row: int | None = None, reasons: tuple[FieldReason, ...] = (),
    text: str = "", **settings: object,
) -> Reading:  # fmt: skip
    """probabilities: None if the field cannot be read or, without reasons, is blank."""
    count = 4 if probabilities is None else len(probabilities)
    boxes = Boxes(at_mm=(20.0, 40.0), size_mm=(7.0, 9.0), pitch_mm=8.0, count=count)
    field = FormField.model_validate({"name": name, "boxes": boxes, **settings})
    found = None if probabilities is None else candidates_of(field, probabilities)
    slot = Slot(field, (), (), None if row is None else "items", row)
    return Reading(slot, 0.9958, reasons, text, found)


def column(*values: NDArray[np.float64] | None) -> list[Reading]:
    return [reading("amount", value, row) for row, value in enumerate(values)]


def said(values: list[FieldValue]) -> list[tuple[str, tuple[str, ...]]]:
    return [(value.text, value.reasons) for value in values]


def test_sum_that_holds_confirms_its_fields() -> None:
    readings = [reading("total", rows("0579")), *column(rows("0123", UNSURE), rows("0456", UNSURE))]
    assert [each.decided().reasons for each in readings] == [(), ("low_confidence",), ("low_confidence",)]
    assert said(decide_fields(PAGE, readings)) == [("0579", ()), ("0123", ()), ("0456", ())]


def test_sum_suggests_but_never_corrects_silently() -> None:
    readings = [reading("total", rows("0579")), *column(rows("0123"), rows("0458", 0.4, "0456"))]
    values = decide_fields(PAGE, readings)
    assert values[2].text == "0456"
    assert values[2].reasons[0] == "corrected"
    assert values[2].decision == "review"
    assert [value.decision for value in values[:2]] == ["accept", "accept"]


def test_sum_that_fails_sends_all_that_is_written_to_review() -> None:
    values = decide_fields(PAGE, [reading("total", rows("0580")), *column(rows("0123"), rows("0456"), None)])
    assert said(values) == [("0580", ("not_valid",)), ("0123", ("not_valid",)), ("0456", ("not_valid",)), ("", ())]


def test_sum_weighs_errors_that_cancel_each_other() -> None:
    # 1 and 7 in one row, 7 and 1 in the other: both pairs add up to 8.
    two = [reading("total", rows("08")), *column(rows("1", 0.4, "7"), rows("7", 0.4, "1"))]
    values = decide_fields(PAGE, two)
    assert [value.reasons for value in values[1:]] == [("low_confidence",)] * 2
    assert values[1].chance == pytest.approx(0.69, abs=0.01)  # 0.6 x 0.6 against 0.4 x 0.4


def test_chances_are_those_of_all_combinations() -> None:
    generator = np.random.default_rng(7)
    digits = [generator.dirichlet(np.full(10, 0.2), 2), *generator.dirichlet(np.full(10, 0.2), (3, 1))]
    readings = [reading("total", digits[0]), *column(*digits[1:])]
    weights = [dict(zip(map(int, r.candidates.digits), r.candidates.weights, strict=True)) for r in readings
               if r.candidates is not None]  # fmt: skip
    whole, chances = 0.0, [dict.fromkeys(each, 0.0) for each in weights]
    for combination in product(*weights):
        chance = float(np.prod([each[number] for each, number in zip(weights, combination, strict=True)]))
        chance *= 1.0 if combination[0] == sum(combination[1:]) else SLIP
        whole += chance
        for each, number in zip(chances, combination, strict=True):
            each[number] += chance
    for value, each in zip(decide_fields(PAGE, readings), chances, strict=True):
        assert value.chance == pytest.approx(each[int(value.text)] / whole, rel=1e-6)


@pytest.mark.parametrize(("total", "reasons"), [("0123", ()), ("0124", ("not_valid",))])
def test_blank_row_counts_as_zero(total: str, reasons: tuple[str, ...]) -> None:
    values = decide_fields(PAGE, [reading("total", rows(total)), *column(rows("0123"), None)])
    assert [value.reasons for value in values] == [reasons, reasons, ()]


@pytest.mark.parametrize("text", ["", "1?34"])
def test_field_that_cannot_be_read_silences_its_sum(text: str) -> None:
    unread = reading("amount", None, 1, ("partly_blank",), text)
    readings = [reading("total", rows("9999")), *column(rows("0123")), unread]
    assert said(decide_fields(PAGE, readings))[:2] == [("9999", ()), ("0123", ())]


def test_blank_total_says_nothing() -> None:
    assert said(decide_fields(PAGE, [reading("total", None), *column(rows("0123"))])) == [("", ()), ("0123", ())]


def test_sum_of_decimals_takes_their_commas_apart() -> None:
    page = FormPage(sums=(Sum(total="total", of=("a", "b")),))
    total = reading("total", rows("01750"), type="decimal", decimals=2)
    readings = [total, reading("a", rows("0125"), type="decimal", decimals=1)]
    for b, reasons in (("05", ()), ("06", ("not_valid",))):
        values = decide_fields(page, [*readings, reading("b", rows(b))])
        assert [value.reasons for value in values] == [reasons] * 3


def test_sum_may_be_a_part_of_the_next() -> None:
    page = FormPage(sums=(Sum(total="net", of=("items.amount",)), Sum(total="gross", of=("net", "tax"))))
    fields = [reading("net", rows("0579", UNSURE)), reading("tax", rows("0021")), *column(rows("0123"), rows("0456"))]
    for gross, reasons in (("0600", ()), ("0610", ("not_valid",))):
        values = decide_fields(page, [reading("gross", rows(gross)), *fields])
        assert [value.reasons for value in values] == [reasons] * 3 + [()] * 2


def test_modulus_finds_any_two_wrong_digits() -> None:
    for places in range(1, 40):
        for one, other in product(range(1, 10), repeat=2):
            assert (one * 10**places + other) % MODULUS
            assert (one * 10**places - other) % MODULUS
