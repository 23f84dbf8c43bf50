"""Scanned pages to the values of their fields, in one process; and the forms that their pages make up."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mmdigit.forms.adopt.handwriting import Handwriting, handwriting
from mmdigit.forms.cells import Cell, CellReader
from mmdigit.forms.fields import FieldValue, read_field
from mmdigit.forms.page import PageFault, ScannedPage
from mmdigit.forms.page_identity import PageIdentity
from mmdigit.forms.placing import place
from mmdigit.forms.template import Template
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer

BATCH = 128  # cells that the model reads at once


@dataclass(frozen=True, eq=False)
class ReadPage:
    """number: in its file, from 1. values: of every field, in the template's order. written: by which a sheet without
    a serial number is known again."""

    number: int
    identity: PageIdentity
    values: tuple[FieldValue, ...]
    written: Handwriting


class FormReader:
    """Reads pages of one form. Pages do not change each other."""

    def __init__(self, template: Template, predictor: Predictor) -> None:
        self.template, self.predictor = template, predictor
        self._cells = CellReader()

    def read(self, page: ScannedPage) -> ReadPage | PageFault:
        """The values of one page, or why it is not read."""
        placed = place(page, self.template)
        if isinstance(placed, PageFault):
            return placed
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        answers = iter(self._answers([cell for cells in fields for cell in cells if cell.is_digit]))
        values = [
            read_field(slot, frame, cells, [next(answers) if cell.is_digit else None for cell in cells])
            for slot, frame, cells in zip(placed.slots, placed.frames, fields, strict=True)
        ]
        return ReadPage(page.number, placed.identity, tuple(values), handwriting(placed))

    def _answers(self, cells: list[Cell]) -> Iterator[Answer]:
        for start in range(0, len(cells), BATCH):
            chunk = cells[start : start + BATCH]
            yield from self.predictor.predict(
                [ModelInput(np.asarray(cell.image / np.float32(255), np.float32)) for cell in chunk]
            )


@dataclass
class ReadForm:
    """One copy of the form, page by page. places: file and number of each page that is there."""

    serial: int
    values: dict[int, tuple[FieldValue, ...]] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)


class Stack:
    """The forms that the pages of a stack make up, in any order."""

    def __init__(self, template: Template) -> None:
        self._n_pages = 0 if template.either_page else len(template.pages)  # that a copy must have
        self.forms: dict[int, ReadForm] = {}
        """By serial number, in the order in which they are met."""

    def add(self, page: ReadPage, place: str) -> PageFault | None:
        """Put a page where it belongs; place: its file and number, for people. A page that is there already is a
        duplicate, and the first one stays."""
        form = self.forms.setdefault(page.identity.serial, ReadForm(page.identity.serial))
        number = page.identity.page
        if number in form.places:
            message = f"expected each page once, got page {number} of form {form.serial} as in {form.places[number]}"
            return PageFault(page.number, "duplicate", f"{message}; remove one and read the stack again")
        form.values[number], form.places[number] = page.values, place
        return None

    def missing(self) -> Iterator[tuple[int, PageFault]]:
        """The serial number of each form of which a page is not there, and which page that is."""
        for form in self.forms.values():
            for number in range(1, self._n_pages + 1):
                if number not in form.places:
                    message = f"expected page {number} of form {form.serial}, got none; scan it, too"
                    yield form.serial, PageFault(number, "missing_page", message)
