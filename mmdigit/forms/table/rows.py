"""The rows of the table: one a form, and of each field its value, what it rests on, and who says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mmdigit.forms.table.assembling import KeptForm, KeptPage
from mmdigit.forms.template.layout import Slot, slots_of
from mmdigit.forms.template.template import Template
from schemas.prediction import Decision

FIELD_COLUMNS = (
    *("decision", "reasons", "chance", "source", "crop", "page", "box_mm", "model_version"),
    *("changed_by", "changed_at"),
)
"""After the field's name and a point; the value is in the column of the field's name."""
PAGE_COLUMNS = ("file", "page", "serial", "state", "message")
MISSING, UNREAD = "missing_page", "unread_page"
"""Reasons of fields without a value: the form's page is not there, or its jobs are not answered yet."""


@dataclass(frozen=True)
class FieldCells:
    """What the table says of a field. crop: name of its picture. box_mm: left, top, width and height on the page.
    decision: "" if the copy's page does not have the field."""

    slot: Slot
    value: str
    decision: Decision | Literal[""]
    reasons: tuple[str, ...]
    chance: float | None = None
    source: str = ""
    crop: str = ""
    page: str = ""
    box_mm: str = ""
    model_version: str = ""
    changed_by: str = ""
    changed_at: str = ""


@dataclass(frozen=True)
class FormRow:
    """pages: file and number of each page that is there. decision: accept if every field is accepted."""

    serial: int
    pages: tuple[str, ...]
    decision: Decision
    fields: tuple[FieldCells, ...]


def named_slots(template: Template) -> list[tuple[int, Slot]]:
    """Every field and its page, from 1, in the template's order."""
    return [(page + 1, slot) for page in range(len(template.pages)) for slot in slots_of(template, page)]


def column_slots(slots: Iterable[tuple[int, Slot]]) -> list[Slot]:
    """A field for each name, in order: where each page is a copy, pages share the columns of one name."""
    by_name: dict[str, Slot] = {}
    for _, slot in slots:
        by_name.setdefault(slot.name, slot)
    return list(by_name.values())


def row_of(form: KeptForm, template: Template, slots: Sequence[tuple[int, Slot]]) -> FormRow:
    """The row of a form. slots: of the template, as named_slots has them."""
    wanted = form.wanted(template)
    found = {
        slot.name: _cells(form.serial, number, slot, form.pages.get(number))
        for number, slot in slots
        if number in wanted
    }
    fields = tuple(found.get(slot.name) or FieldCells(slot, "", "", ()) for slot in column_slots(slots))
    accepted = all(cells.decision == "accept" for cells in found.values())
    pages = tuple(form.pages[number].place for number in sorted(form.pages))
    return FormRow(form.serial, pages, "accept" if accepted else "review", fields)


def crop_name(serial: int, page: int, field: str) -> str:
    """The file of a field's picture."""
    return f"{serial:06d}.{page}.{field}.png"


def _cells(serial: int, number: int, slot: Slot, page: KeptPage | None) -> FieldCells:
    if page is None or page.records is None:
        return FieldCells(slot, "", "review", (MISSING if page is None else UNREAD,))
    record = page.records[slot.name]
    left, top, right, bottom = slot.bounds
    change = record.correction
    return FieldCells(
        slot,
        record.text,
        record.decision,
        record.reasons,
        record.chance,
        record.source,
        crop_name(serial, number, slot.name),
        page.place,
        f"{left:g} {top:g} {right - left:g} {bottom - top:g}",
        record.value.model_version,
        change.by if change is not None else "",
        change.at.isoformat() if change is not None else "",
    )
