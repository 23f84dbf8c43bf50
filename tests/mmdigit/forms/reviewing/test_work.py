"""What is to be done with a field, and its boxes digit by digit."""

from datetime import timedelta

import pytest

from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.reviewing.typed import typed_value
from mmdigit.forms.reviewing.work import (
    boxes_to_say,
    change_kind,
    keyers,
    read_digits,
    typed_digits,
    work_on,
)
from mmdigit.forms.store.ports import Change, ChangeKind, FieldRecord, StoredValue
from mmdigit.forms.template.template import FormField
from schemas.prediction import Decision
from tests.mmdigit.forms.store.kept import NOW
from tests.mmdigit.forms.written import TEMPLATE

FIELDS = {field.name: field for field in TEMPLATE.pages[0].all_fields}
TWICE = FIELDS["member"].model_copy(update={"keyed_by": 2})
UNSURE: tuple[FieldReason, ...] = ("low_confidence",)


def record(
    *said: tuple[ChangeKind, str, str], text: str = "12", decision: Decision = "review",
    reasons: tuple[FieldReason, ...] = UNSURE,
) -> FieldRecord:  # fmt: skip
    changes = [Change(kind, value, by, NOW + timedelta(seconds=at)) for at, (kind, value, by) in enumerate(said)]
    value = StoredValue("member", text, decision, reasons if decision == "review" else (), 0.9, "m")
    return FieldRecord(value, tuple(changes))


CONTROL: tuple[ChangeKind, str, str] = ("control", "13", "Ada")
FIRST: tuple[ChangeKind, str, str] = ("first", "13", "Ada")
CASES = [
    ("review", FIELDS["member"], record()),
    (None, FIELDS["member"], record(("correction", "13", "Ada"))),
    ("review", FIELDS["member"], record(("correction", "13", "Ada"), ("undo", "12", "Ada"))),
    (None, FIELDS["member"], record(("control", "12", "Ada"), decision="accept")),
    ("second", FIELDS["member"], record(CONTROL, decision="accept")),
    (None, FIELDS["member"], record(CONTROL, ("second", "13", "Bo"), decision="accept")),
    (None, FIELDS["member"], record(CONTROL, ("second", "12", "Bo"), decision="accept")),
    ("review", FIELDS["member"], record(CONTROL, ("second", "14", "Bo"), decision="accept")),
    (None, FIELDS["member"], record(CONTROL, ("second", "14", "Bo"), ("correction", "15", "Di"), decision="accept")),
    ("review", TWICE, record()),
    ("second", TWICE, record(FIRST)),
    ("second", TWICE, record(("first", "12", "Ada"))),
    (None, TWICE, record(FIRST, ("second", "13", "Bo"))),
    ("review", TWICE, record(FIRST, ("second", "14", "Bo"))),
    ("review", TWICE, record(FIRST, ("undo", "12", "Ada"))),
]


@pytest.mark.parametrize(("kind", "field", "known"), CASES)
def test_work_is_what_a_field_lacks(kind: str | None, field: FormField, known: FieldRecord) -> None:
    assert work_on(known, field, is_drawn=False) == kind


def test_drawn_fields_are_controlled_even_if_corrected() -> None:
    corrected = record(("correction", "13", "Ada"), decision="accept")
    assert work_on(corrected, FIELDS["member"], is_drawn=True) == "control"
    assert work_on(record(decision="accept"), FIELDS["member"], is_drawn=False) is None
    assert work_on(record(), FIELDS["member"], is_drawn=True) == "review"


def test_first_of_two_keys_decides_nothing() -> None:
    assert change_kind("review", record(), FIELDS["member"]) == "correction"
    assert change_kind("review", record(), TWICE) == "first"
    assert change_kind("review", record(FIRST, ("second", "14", "Bo")), TWICE) == "correction"
    assert change_kind("control", record(), TWICE) == "control"


def test_keyers_are_those_whose_word_stands() -> None:
    assert keyers(record(FIRST, ("second", "14", "Bo"), ("undo", "13", "Bo"))) == {"Ada"}


@pytest.mark.parametrize(
    ("name", "text", "digits"),
    [
        ("member", "90481714", (9, 0, 4, 8, 1, 7, 1, 4)),
        ("born", "2024-02-29", (2, 9, 0, 2, 2, 0, 2, 4)),
        ("born", "99022024", (9, 9, 0, 2, 2, 0, 2, 4)),
        ("arrived", "12:34", (1, 2, 3, 4)),
        ("amount", "0012.50", (0, 0, 1, 2, 5, 0)),
        ("amount", "2.50", (None, None, None, 2, 5, 0)),
    ],
)
def test_digits_of_boxes_are_those_of_the_value(name: str, text: str, digits: tuple[int | None, ...]) -> None:
    field = FIELDS[name]
    assert read_digits(field, record(text=text)) == digits
    typed = typed_digits(field, list(digits))
    assert typed_value(field, f"!{typed}") in (text, text.lstrip("0"))


@pytest.mark.parametrize(
    ("name", "text", "reasons"),
    [
        ("consent", "true", UNSURE),
        ("member", "9048?714", UNSURE),
        ("member", "", ("blank",)),
        ("member", "904817", UNSURE),
        ("member", "90481714", ("corrected",)),
        ("member", "90481714", ("frame_not_found",)),
        ("born", "2024", UNSURE),
    ],
)
def test_boxes_that_cannot_be_told_have_no_digits(name: str, text: str, reasons: tuple[FieldReason, ...]) -> None:
    assert read_digits(FIELDS[name], record(text=text, reasons=reasons)) is None


def test_boxes_are_said_of_fields_in_review_alone() -> None:
    whole = record(text="90481714")
    assert boxes_to_say(whole, FIELDS["member"]) == dict(enumerate((9, 0, 4, 8, 1, 7, 1, 4)))
    assert boxes_to_say(record(text="2.50"), FIELDS["amount"]) == {3: 2, 4: 5, 5: 0}
    assert boxes_to_say(whole, TWICE) == {}
    assert boxes_to_say(record(text="90481714", decision="accept"), FIELDS["member"]) == {}
    assert boxes_to_say(record(("correction", "1", "Ada"), text="90481714"), FIELDS["member"]) == {}


def test_boxes_of_a_free_field_cannot_be_told() -> None:
    field = FIELDS["member"]
    assert read_digits(field, record(text="90481714")) is not None
    assert read_digits(field.model_copy(update={"free": True}), record(text="90481714")) is None
