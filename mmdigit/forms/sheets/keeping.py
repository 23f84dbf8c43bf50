"""A scanned page as it is kept: what it is, where it comes from, and its fields before anything reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from mmdigit.forms.cells.crops import crop_of
from mmdigit.forms.cells.jobs import group_of, job_id_of
from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.sheets.handwriting import handwriting
from mmdigit.forms.sheets.placing import PlacedPage
from mmdigit.forms.spoken.heard import HeardFields
from mmdigit.forms.store.ports import PageState, StoredCell, StoredField, StoredPage
from mmdigit.forms.template.template import Template


@dataclass(frozen=True)
class PageOrigin:
    """The file that a page is of. scanner: what it says made it, "" if it says nothing. tenant: see Page.tenant."""

    file_name: str
    file_sha256: str
    received_at: datetime
    scanner: str = ""
    tenant: str | None = None


def kept_page(
    placed: PlacedPage,
    fields: Sequence[Sequence[Cell]],
    origin: PageOrigin,
    template: Template,
    heard: HeardFields | None = None,
    lines: Mapping[str, ReadLine] = MappingProxyType({}),
) -> StoredPage:
    """A page whose cells are to be read. fields: the cells of each, as CellReader gives them. heard: of its recordings.
    lines: what is read in its free fields, by name.

    A form that somebody else printed has no serial number; its handwriting is kept instead.
    """
    numbered = template.blank is None

    def kept(cell: Cell) -> StoredCell:
        if not cell.is_digit:
            return StoredCell(cell.state, round(cell.ink_mm2, 3), None, lines.get(cell.slot.name))
        job_id = job_id_of(cell, origin.file_sha256, placed.number, template, origin.tenant)
        return StoredCell(cell.state, round(cell.ink_mm2, 3), job_id)

    return replace(
        _page(placed.number, "read", origin, template),
        serial=placed.identity.serial if numbered else None,
        page=placed.identity.page,
        handwriting=b"" if numbered else handwriting(placed),
        fields=tuple(
            StoredField(slot.name, frame.found, tuple(map(kept, cells)), crop_of(placed.darkness, slot, frame))
            for slot, frame, cells in zip(placed.slots, placed.frames, fields, strict=True)
        ),
        heard={} if heard is None else heard.fields,
        sounds={} if heard is None else heard.sounds,
    )


def kept_fault(fault: PageFault, origin: PageOrigin, template: Template) -> StoredPage:
    """A page that a person has to look at."""
    return replace(_page(fault.number, fault.reason, origin, template), message=fault.message)


def _page(number: int, state: PageState, origin: PageOrigin, template: Template) -> StoredPage:
    """What is known of every page, read or not."""
    return StoredPage(
        group=group_of(origin.file_sha256, number, template, origin.tenant),
        form=template.form,
        revision=template.revision,
        template=template.digest,
        file_name=origin.file_name,
        file_sha256=origin.file_sha256,
        number=number,
        scanner=origin.scanner,
        received_at=origin.received_at,
        state=state,
    )
