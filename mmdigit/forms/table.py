"""The table of a stack of forms: one row a form, beside each value its decision, its reasons and its chance."""

import csv
from collections.abc import Iterable
from typing import TextIO

from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.fields import FieldValue
from mmdigit.forms.form_reader import ReadForm
from mmdigit.forms.layout import slots_of
from mmdigit.forms.template import Template

FORM_COLUMNS = ("form", "revision", "serial", "pages", "decision", "template", "model_version")
PAGE_COLUMNS = ("file", "page", "serial", "state", "message")


def write_table(file: TextIO, template: Template, forms: Iterable[ReadForm], model_version: str) -> None:
    """Write FORM_COLUMNS, then of each field, named as in the template, its value, decision, reasons and chance.

    The fields of a page that is missing are empty, and their decision is review. Where each page is a copy, fields of
    one name share their columns; those that the copy's page does not have are empty, without a decision.
    """
    fields = [
        (page + 1, slot.name) for page in range(len(template.pages)) for slot in slots_of(template, page)
    ]  # fmt: skip
    if template.either_page:
        fields = list(dict.fromkeys((0, name) for _, name in fields))
    columns = [
        *FORM_COLUMNS,
        *(f"{name}{suffix}" for _, name in fields for suffix in ("", ".decision", ".reasons", ".chance")),
    ]
    writer = csv.writer(file)
    writer.writerow(columns)
    for form in forms:
        found = {
            (0 if template.either_page else page, value.slot.name): value
            for page, values in form.values.items()
            for value in values
        }
        wanted = found.keys() if template.either_page else fields
        cells = [cell for key in fields for cell in (_cells(found.get(key)) if key in wanted else ("",) * 4)]
        accepted = all(key in found and found[key].decision == "accept" for key in wanted)
        writer.writerow(
            [
                template.form, template.revision, form.serial,
                ";".join(safe_cell(form.places[page]) for page in sorted(form.places)),
                "accept" if accepted else "review", template.digest, safe_cell(model_version), *cells,
            ]
        )  # fmt: skip


def _cells(value: FieldValue | None) -> tuple[str, str, str, str]:
    if value is None:
        return "", "review", "missing_page", ""
    chance = "" if value.chance is None else f"{value.chance:.6f}"
    return value.text, value.decision, ";".join(value.reasons), chance
