"""Fields: what value, how sure, and why a person has to look."""

from dataclasses import replace

import numpy as np
import pytest
from stdnum import luhn

from mmdigit.forms.cells.reader import Cell, CellState
from mmdigit.forms.fields.weighing import DEAD_LETTER, LENIENCE, SLIP, FieldValue, likely_texts, read_field
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.store.ports import StoredCell
from mmdigit.forms.template.layout import Slot, boxes_of
from mmdigit.forms.template.template import Boxes, FormField
from mmdigit.forms.template.validators import date_of
from schemas.prediction import Answer, Reason
from tests.mmdigit.forms.written import listed_field

SEEN, UNSEEN = FrameFit((0.0, 0.0), 0.5), FrameFit((0.0, 0.0), 0.0)


def answer(label: int, confidence: float, other: int | None = None, reasons: tuple[Reason, ...] = ()) -> Answer:
    """other: the label that has all of what is left; None = all nine of them."""
    probabilities = np.full(10, 0.0 if other is not None else (1 - confidence) / 9)
    probabilities[label] = confidence
    if other is not None:
        probabilities[other] = 1 - confidence
    return Answer(
        label=label, confidence=confidence, probabilities=tuple(probabilities.tolist()), novelty=0.0,
        decision="review" if reasons else "accept", reasons=reasons, model_version="1",
    )  # fmt: skip


def slot(count: int = 8, **settings: object) -> Slot:
    boxes = Boxes(at_mm=(20.0, 40.0), size_mm=(7.0, 9.0), pitch_mm=8.0, count=count)
    field = FormField.model_validate({"name": "f", "boxes": boxes, **settings})
    return Slot(field, boxes_of(field), ())


def read(
    where: Slot, answers: list[Answer | CellState], frame: FrameFit = SEEN, ink_mm2: float = 5.0
) -> FieldValue:  # fmt: skip
    cells = [
        Cell(where, index, each if isinstance(each, str) else "digit", np.zeros((28, 28), np.uint8), ink_mm2)
        for index, each in enumerate(answers)
    ]
    return read_field(where, frame.found, cells, [None if isinstance(each, str) else each for each in answers])


def sure(digits: str, confidence: float = 0.99999) -> list[Answer | CellState]:
    return [answer(int(digit), confidence) for digit in digits]


def test_read_field_keeps_leading_zeros() -> None:
    value = read(slot(), sure("00012345"))
    assert (value.text, value.decision, value.reasons) == ("00012345", "accept", ())
    assert value.chance == pytest.approx(0.99999**8)


def test_read_field_decides_by_the_chance_of_the_whole_value() -> None:
    assert read(slot(8), sure("12345678", 0.99985)).decision == "accept"
    assert read(slot(8), sure("12345678", 1 - 0.9 * LENIENCE * 0.0014 / 8)).decision == "accept"
    assert read(slot(8), sure("12345678", 1 - 1.1 * LENIENCE * 0.0014 / 8)).reasons == ("low_confidence",)
    assert read(slot(16), sure("1234567812345678", 1 - 0.9 * LENIENCE * 0.0014 / 8)).reasons == ("low_confidence",)
    assert read(slot(8, target_error=0.01), sure("12345678", 1 - 0.9 * LENIENCE * 0.01 / 8)).decision == "accept"


def test_check_digit_confirms_a_value_that_is_unsure_alone() -> None:
    unsure = [*sure("7992739871"), answer(3, 0.99)]
    assert read(slot(11), unsure).reasons == ("low_confidence",)
    confirmed = read(slot(11, validators=("luhn",)), unsure)
    assert (confirmed.text, confirmed.decision) == ("79927398713", "accept")


def test_check_digit_outweighs_one_digit_that_looks_like_none() -> None:
    odd = answer(9, 0.99, reasons=("not_a_digit",))
    checked = slot(11, validators=("luhn",))
    assert read(checked, [answer(7, 0.99999), odd, *sure("927398713")]).decision == "accept"
    assert read(slot(11), [answer(7, 0.99999), odd, *sure("927398713")]).reasons[0] == "not_a_digit"
    assert "not_a_digit" in read(checked, [answer(7, 0.99999), odd, *sure("927398714")]).reasons
    assert read(checked, [answer(7, 0.99999), odd, odd, *sure("27398713")]).reasons == ("not_a_digit",)


def test_check_digit_suggests_but_never_corrects_silently() -> None:
    value = read(slot(11, validators=("luhn",)), [*sure("7992739871"), answer(5, 0.7, other=3)])
    assert value.text == "79927398713"
    assert value.reasons[0] == "corrected"
    assert value.decision == "review"


def test_check_digit_weighs_a_wrong_value_that_happens_to_pass() -> None:
    # 1 and 7 in one place and 3 and 5 in the other: 13 and 75 pass alike.
    two = [answer(7, 0.6, other=1), *sure("992739871"), answer(3, 0.6, other=5)]
    value = read(slot(11, validators=("luhn",)), two)
    assert value.chance is not None
    assert value.chance < 0.99
    assert value.decision == "review"


def test_sure_value_that_fails_its_check_is_told_as_it_is() -> None:
    value = read(slot(11, validators=("luhn",)), sure("79927398715", 0.999999))
    assert value.text == "79927398715"
    assert value.reasons[0] == "not_valid"


@pytest.mark.parametrize(
    ("settings", "digits", "text", "reasons"),
    [
        ({"type": "date"}, "29022024", "2024-02-29", ()),
        ({"type": "date", "date_format": "YYYYMMDD"}, "20240229", "2024-02-29", ()),
        ({"type": "date"}, "29022023", "29022023", ("not_valid",)),
        ({"type": "time", "count": 4}, "2359", "23:59", ()),
        ({"type": "time", "count": 4}, "2459", "24:59", ("not_valid",)),
        ({"type": "decimal", "count": 6}, "001250", "0012.50", ()),
    ],
)
def test_read_field_knows_dates_times_and_decimals(
    settings: dict[str, object], digits: str, text: str, reasons: tuple[str, ...]
) -> None:
    count = settings.pop("count", 8)
    assert isinstance(count, int)
    value = read(slot(count, **settings), sure(digits))
    assert value.text == text
    assert value.reasons[:1] == reasons


@pytest.mark.parametrize(
    ("settings", "inside", "outside"),
    [
        ({"range": {"max": "00500"}}, "00000500", "00000501"),
        ({"range": {"min": "500"}}, "00000500", "00000499"),
        ({"type": "date", "range": {"min": "1940-01-01"}}, "01011940", "31121939"),
        ({"type": "date", "range": {"max": "2026-12-31"}}, "31122026", "01012027"),
        ({"type": "time", "count": 4, "range": {"min": "08:30"}}, "0830", "0829"),
        ({"type": "decimal", "range": {"max": "12.5"}}, "00001250", "00001251"),
        ({"type": "decimal", "count": 30, "range": {"max": "1234567890123456789012345678.90"}},
         "123456789012345678901234567890", "123456789012345678901234567891"),
        ({"iban": "DE", "count": 20}, "89370400440532013000", "89370400440532013001"),
    ],
)  # fmt: skip
def test_value_outside_its_range_goes_to_review(settings: dict[str, object], inside: str, outside: str) -> None:
    where = slot(**{"count": 8, **settings})  # type: ignore[arg-type]
    assert read(where, sure(inside, 0.999999)).reasons == ()
    assert read(where, sure(outside, 0.999999)).reasons == ("not_valid",)


def test_range_suggests_but_never_corrects_silently() -> None:
    value = read(slot(type="date", range={"max": "2026-12-31"}), [*sure("01012"), answer(9, 0.6, 0), *sure("19")])
    assert value.text == "2019-01-01"
    assert value.reasons[0] == "corrected"


def listed(*values: str) -> Slot:
    where = slot(8, lookup="members.txt")
    return replace(where, field=listed_field(where.field, *values))


def test_lookup_confirms_suggests_and_refuses() -> None:
    unsure = sure("12345678", 0.99)
    assert read(slot(8), unsure).reasons == ("low_confidence",)
    assert read(listed("12345678", "87654321"), unsure).reasons == ()
    suggested = read(listed("12345679", "87654321"), [*sure("1234567"), answer(8, 0.9, 9)])
    assert (suggested.text, suggested.reasons[0], suggested.decision) == ("12345679", "corrected", "review")
    assert read(listed("87654321"), sure("12345678", 0.999999)).reasons == ("not_valid",)


def test_lookup_weighs_another_listed_value() -> None:
    value = read(listed("12345678", "12345679"), [*sure("1234567", 0.999999), answer(8, 0.9, 9)])
    assert value.reasons == ("low_confidence",)
    assert value.chance == pytest.approx(0.9, abs=0.01)


def test_lookup_finds_a_value_beyond_the_likeliest() -> None:
    # Each digit is one of three alike: 6,561 values are as likely as the one of the list.
    even = np.zeros(10)
    even[[2, 5, 8]] = 1 / 3
    unknown = answer(2, 0.5).model_copy(update={"probabilities": tuple(even.tolist())})
    value = read(listed("88888888", "00000000"), [unknown] * 8)
    assert value.text == "88888888"
    assert value.chance == pytest.approx(1 / (1 + SLIP * 6560), rel=1e-6)
    assert set(value.reasons) == {"corrected", "low_confidence"}


def test_amount_may_begin_with_empty_boxes() -> None:
    amount = slot(6, type="decimal")
    assert read(amount, ["blank", "blank", *sure("1250")]).text == "12.50"
    assert read(amount, ["blank", "blank", *sure("1250")]).decision == "accept"
    gap = read(amount, [*sure("1"), "blank", *sure("1250")])
    assert (gap.text, gap.reasons) == ("1?1250", ("partly_blank",))
    assert read(amount, [*["blank"] * 4, *sure("50")]).reasons == ("partly_blank",)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("answers", "frame", "reasons"),
    [
        (["blank"] * 2, SEEN, ("blank",)),
        (["blank", answer(1, 0.99999)], SEEN, ("partly_blank",)),
        (["over_full", answer(1, 0.99999)], SEEN, ("over_full",)),
        (["crossed_out", answer(1, 0.99999)], SEEN, ("crossed_out",)),
        ([answer(1, 0.99999, reasons=("not_a_digit",)), answer(1, 0.99999)], SEEN, ("not_a_digit",)),
        ([answer(1, 0.99999, reasons=("several_digits",)), answer(1, 0.99999)], SEEN, ("several_digits",)),
        ([answer(1, 0.99999), answer(1, 0.99999)], UNSEEN, ("frame_not_found",)),
    ],
)
def test_read_field_says_why_a_person_has_to_look(
    answers: list[Answer | CellState], frame: FrameFit, reasons: tuple[str, ...]
) -> None:
    value = read(slot(2), answers, frame)
    assert (value.decision, value.reasons) == ("review", reasons)


def test_field_with_a_dead_letter_goes_to_review() -> None:
    cells = [StoredCell("digit", 5.0, "job-1"), StoredCell("digit", 5.0, "job-2")]
    value = read_field(slot(2), True, cells, [answer(7, 0.99999), DEAD_LETTER])
    assert (value.text, value.decision, value.reasons, value.chance) == ("7?", "review", ("dead_letter",), None)


def test_blank_field_is_accepted_where_it_may_be() -> None:
    value = read(slot(2, blank="accept"), ["blank", "blank"])
    assert (value.text, value.decision) == ("", "accept")


@pytest.mark.parametrize(
    ("state", "ink_mm2", "text", "reasons"),
    [("blank", 0.0, "false", ()), ("digit", 5.0, "true", ()), ("digit", 0.9, "true", ("faint_mark",)),
     ("over_full", 40.0, "true", ("over_full",))],
)  # fmt: skip
def test_check_mark_is_told_by_its_ink(state: CellState, ink_mm2: float, text: str, reasons: tuple[str, ...]) -> None:
    value = read(slot(1, type="check", blank="accept"), [state], ink_mm2=ink_mm2)
    assert (value.text, value.reasons) == (text, reasons)


@pytest.mark.parametrize(("digits", "year"), [("010169", 2069), ("010170", 1970)])
def test_two_digits_of_a_year_are_of_1970_to_2069(digits: str, year: int) -> None:
    date = date_of(digits, "DDMMYY")
    assert date is not None
    assert date.year == year


def test_likely_texts_pass_the_checks_likeliest_first() -> None:
    field = slot(4, validators=("luhn",)).field
    rows = np.full((4, 10), 0.001)
    for row, digit in enumerate((1, 8, 1, 2)):
        rows[row, digit] = 0.9
    rows[3, 0] = 0.08
    texts = likely_texts(field, rows, 3)
    assert texts[0][:3] == "181"
    assert len(texts) == 3
    assert all(luhn.is_valid(text) for text in texts)


def test_likely_texts_are_as_the_table_shows_them() -> None:
    rows = np.full((4, 10), 0.001)
    for row, digit in enumerate((2, 3, 5, 9)):
        rows[row, digit] = 0.99
    assert likely_texts(slot(4, type="time").field, rows, 1) == ["23:59"]
