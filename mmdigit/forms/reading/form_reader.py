"""Scanned pages to the values of their fields, in one process."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmdigit.forms.cells.reader import Cell, CellReader
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.fields.summing import decide_fields
from mmdigit.forms.fields.thresholds import Thresholds
from mmdigit.forms.fields.weighing import FieldValue, weigh_field
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.printing.page_identity import PageIdentity
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault, kept_page
from mmdigit.forms.sheets.placing import place
from mmdigit.forms.store.ports import StoredPage, StoredValue
from mmdigit.forms.template.template import Template
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer

log = logging.getLogger(__name__)

BATCH = 128  # cells that the model reads at once


@dataclass(frozen=True, eq=False)
class ReadPage:
    """number: in its file, from 1. values: of every field, in the template's order."""

    number: int
    identity: PageIdentity
    values: tuple[FieldValue, ...]


class FormReader:
    """Reads pages of one form. Pages do not change each other."""

    def __init__(self, template: Template, predictor: Predictor, thresholds: Thresholds | None = None) -> None:
        self.template, self.predictor, self._thresholds = template, predictor, thresholds
        self._cells = CellReader()

    def read(self, page: ScannedPage) -> ReadPage | PageFault:
        """The values of one page, or why it is not read."""
        placed = place(page, self.template)
        if isinstance(placed, PageFault):
            return placed
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        answers = iter(self._answers([cell for cells in fields for cell in cells if cell.is_digit]))
        readings = [
            weigh_field(slot, frame.found, cells, [next(answers) if cell.is_digit else None for cell in cells])
            for slot, frame, cells in zip(placed.slots, placed.frames, fields, strict=True)
        ]
        values = decide_fields(self.template.pages[placed.identity.page - 1], readings)
        return ReadPage(page.number, placed.identity, tuple(values))

    def keep(self, page: ScannedPage, origin: PageOrigin) -> tuple[StoredPage, tuple[StoredValue, ...]]:
        """One page and its values as they are kept; without fields if it is not read.

        An error that nobody foresaw costs its page alone: it is kept as unreadable, and tried again by the next run.
        """
        try:
            return self._keep(page, origin)
        except MemoryError:
            raise
        except Exception as exc:
            log.debug("a page failed unexpectedly", exc_info=exc)
            message = f"expected a page that can be read, got an unforeseen {type(exc).__name__}; please report it"
            return kept_fault(PageFault(page.number, "unreadable", message), origin, self.template), ()

    def _keep(self, page: ScannedPage, origin: PageOrigin) -> tuple[StoredPage, tuple[StoredValue, ...]]:
        placed = place(page, self.template)
        if isinstance(placed, PageFault):
            return kept_fault(placed, origin, self.template), ()
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        kept = kept_page(placed, fields, origin, self.template)
        answers = self._answers([cell for cells in fields for cell in cells if cell.is_digit])
        outcomes = dict(zip(job_ids_of(kept), answers, strict=True))
        return kept, decide_page(self.template, kept, outcomes, self._thresholds)

    def _answers(self, cells: list[Cell]) -> Iterator[Answer]:
        for start in range(0, len(cells), BATCH):
            chunk = cells[start : start + BATCH]
            yield from self.predictor.predict(
                [ModelInput(np.asarray(cell.image / np.float32(255), np.float32)) for cell in chunk]
            )
