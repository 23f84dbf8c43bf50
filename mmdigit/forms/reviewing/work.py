"""What is to be done with a field: review, control, a second key, or nothing; and its boxes, digit by digit."""

from collections.abc import Collection
from typing import Literal

from mmdigit.forms.reviewing.typed import EMPTY_BOX, written_digits
from mmdigit.forms.store.people import person_of
from mmdigit.forms.store.ports import ChangeKind, FieldRecord
from mmdigit.forms.template.template import FormField

WorkKind = Literal["review", "control", "second"]

_UNSURE_BOXES = frozenset(("corrected", "frame_not_found", "blank", "partly_blank", "faint_mark", "dead_letter"))
"""Reasons with which the value does not tell what was read in each box, or where the boxes are."""


def work_on(record: FieldRecord, field: FormField, *, is_drawn: bool) -> WorkKind | None:
    """What people are to do with a field now. is_drawn: it belongs to the sample of accepted fields for control."""
    value, first = record.value, record.first
    if value.decision == "accept" and record.control is None and is_drawn:
        return "control"  # whatever people have said of it since, or the sample would be of fields without mistakes
    if record.correction is not None:
        return None
    if value.decision == "accept":
        if first is None or first.text == value.text:
            return None
        return "second" if record.second is None else "review"
    if field.keyed_by == 1 or first is None:
        return "review"
    return "second" if record.second is None else "review"


def change_kind(kind: WorkKind, record: FieldRecord, field: FormField) -> ChangeKind:
    """What a key of a claim of this kind is kept as."""
    if kind != "review":
        return kind
    return "first" if field.keyed_by > 1 and record.first is None else "correction"


def keyers(record: FieldRecord) -> Collection[str]:
    """Who (person_of) has keyed a field, and does not get it for another look at it."""
    return {person_of(change.by) for change in record.standing}


def read_digits(field: FormField, record: FieldRecord) -> tuple[int | None, ...] | None:
    """The digit that was read in each box, None for an empty one before an amount; None if boxes cannot be told, as
    in a free field."""
    value, count = record.value, field.boxes.count
    if (
        field.type == "check"
        or field.free
        or not value.text
        or "?" in value.text
        or not _UNSURE_BOXES.isdisjoint(value.reasons)
    ):
        return None
    if field.type == "decimal":
        digits = value.text.replace(".", "").rjust(count, EMPTY_BOX)
    else:
        try:
            digits = written_digits(field, value.text)
        except ValueError:
            return None
    if len(digits) != count:
        return None
    return tuple(None if digit == EMPTY_BOX else int(digit) for digit in digits)


def boxes_to_say(record: FieldRecord, field: FormField) -> dict[int, int]:
    """The digit of each box that people may confirm one by one; none if the field is not to be keyed so.

    Not where two people must agree: whoever sees what was read does not key blindly.
    """
    if record.standing or field.keyed_by > 1 or work_on(record, field, is_drawn=False) != "review":
        return {}
    digits = read_digits(field, record) or ()
    return {box: digit for box, digit in enumerate(digits) if digit is not None}


def typed_digits(field: FormField, digits: list[int | None]) -> str:
    """What a person would type for these boxes. digits: None before an amount for an empty box."""
    text = "".join(EMPTY_BOX if digit is None else str(digit) for digit in digits)
    if field.type != "decimal":
        return text
    return f"{text[: -field.decimals]}.{text[-field.decimals :]}".lstrip(EMPTY_BOX)
