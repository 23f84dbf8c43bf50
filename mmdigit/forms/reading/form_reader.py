"""Scanned pages to the values of their fields, in one process."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmdigit.forms.cells.reader import Cell, CellReader
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.fields.free_lines import ReadLine, weigh_line
from mmdigit.forms.fields.summing import decide_fields
from mmdigit.forms.fields.thresholds import Thresholds
from mmdigit.forms.fields.weighing import FieldValue, weigh_field
from mmdigit.forms.free.reader import FreeFieldReader
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.printing.page_identity import PageIdentity
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault, kept_page
from mmdigit.forms.sheets.placing import place
from mmdigit.forms.spoken.heard import HeardFields
from mmdigit.forms.spoken.hearing import FieldHearer
from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.forms.store.ports import StoredPage, StoredValue
from mmdigit.forms.template.template import Template
from mmdigit.reading.model_input import ModelInput, decode_input
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ReadPage:
    """number: in its file, from 1. values: of every field, in the template's order."""

    number: int
    identity: PageIdentity
    values: tuple[FieldValue, ...]


class FormReader:
    """Reads pages of one form. Pages do not change each other."""

    def __init__(
        self,
        template: Template,
        predictor: Predictor,
        thresholds: Thresholds | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """recordings: of its spoken fields."""
        self.template, self.predictor, self._thresholds = template, predictor, thresholds
        self._cells = CellReader()
        self._free = FreeFieldReader(predictor) if template.has_free_fields else None
        self._recordings = recordings
        self._hearer = None if recordings is None else FieldHearer(predictor)

    def read(self, page: ScannedPage) -> ReadPage | PageFault:
        """The values of one page, or why it is not read."""
        placed = place(page, self.template)
        if isinstance(placed, PageFault):
            return placed
        fields = self._cells.read(placed.darkness, placed.slots, placed.frames)
        heard, lines = self._hear(placed.identity, fields), self._read_lines(fields)
        answers = iter(self._answers(fields, heard))
        readings = [
            weigh_line(slot, frame.found, cells[0], lines.get(slot.name))
            if slot.field.free
            else weigh_field(
                slot,
                frame.found,
                cells,
                [next(answers) if cell.is_digit else None for cell in cells],
                unheard=heard.reasons.get(slot.name),
            )
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
        heard = self._hear(placed.identity, fields)
        kept = kept_page(placed, fields, origin, self.template, heard, self._read_lines(fields))
        outcomes = dict(zip(job_ids_of(kept), self._answers(fields, heard), strict=True))
        return kept, decide_page(self.template, kept, outcomes, self._thresholds)

    def _read_lines(self, fields: Sequence[Sequence[Cell]]) -> dict[str, ReadLine]:
        return {} if self._free is None else self._free.read(fields)

    def _hear(self, identity: PageIdentity, fields: Sequence[Sequence[Cell]]) -> HeardFields:
        if self._recordings is None or self._hearer is None:
            return HeardFields()
        return self._hearer.hear(self._recordings.of_page(identity.serial, identity.page), fields)

    def _answers(self, fields: Sequence[Sequence[Cell]], heard: HeardFields) -> Iterator[Answer]:
        cells = (cell for each in fields for cell in each if cell.is_digit)
        return self.predictor.predict_all(_model_input(cell, heard) for cell in cells)


def _model_input(cell: Cell, heard: HeardFields) -> ModelInput:
    """As the digit worker decodes it from the cell's job."""
    return decode_input(cell.image.tobytes(), heard.clips.get((cell.slot.name, cell.index)))
