"""Pages as they are kept: every cell and the ids of its job."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdigit.forms.cells.jobs import group_of, jobs_of
from mmdigit.forms.cells.reader import CellReader
from mmdigit.forms.pages.page import PageFault
from mmdigit.forms.sheets.handwriting import handwriting
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault, kept_page
from mmdigit.forms.sheets.placing import PlacedPage, place
from tests.mmdigit.forms.adopt.foreign import filled_foreign, template_of
from tests.mmdigit.forms.written import TEMPLATE, filled_page, scanned_page

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ORIGIN = PageOrigin("scan.png", "f" * 64, NOW, "Acme")


@pytest.fixture(scope="module")
def placed() -> PlacedPage:
    page = place(scanned_page(filled_page().pixels), TEMPLATE)
    assert isinstance(page, PlacedPage)
    return page


def test_kept_page_holds_every_cell_and_its_job(placed: PlacedPage) -> None:
    fields = CellReader().read(placed.darkness, placed.slots, placed.frames)
    page = kept_page(placed, fields, ORIGIN, TEMPLATE)
    assert (page.group, page.state, page.page, page.number) == (group_of("f" * 64, 1, TEMPLATE), "read", 1, 1)
    assert [field.name for field in page.fields] == [slot.name for slot in placed.slots]
    assert [[cell.state for cell in field.cells] for field in page.fields] == [
        [cell.state for cell in cells] for cells in fields
    ]
    jobs = jobs_of([cell for cells in fields for cell in cells], "f" * 64, 1, TEMPLATE, NOW)
    kept = [cell.job_id for field in page.fields for cell in field.cells if cell.job_id is not None]
    assert kept == [job.job_id for job in jobs]
    assert len(kept) > 20
    assert (page.serial, page.handwriting) == (1, b"")


def test_kept_page_of_an_adopted_form_has_handwriting(tmp_path: Path) -> None:
    template = template_of(tmp_path, 1, 2)
    placed = place(scanned_page(filled_foreign(template, 1, 1).pixels), template)
    assert isinstance(placed, PlacedPage)
    fields = CellReader().read(placed.darkness, placed.slots, placed.frames)
    page = kept_page(placed, fields, ORIGIN, template)
    assert (page.serial, page.page, page.handwriting) == (None, 2, handwriting(placed))
    assert page.handwriting


def test_kept_fault_says_why() -> None:
    page = kept_fault(PageFault(3, "bent", "expected a flat page"), ORIGIN, TEMPLATE)
    assert (page.group, page.state, page.message) == (group_of("f" * 64, 3, TEMPLATE), "bent", "expected a flat page")
    assert (page.serial, page.page, page.fields) == (None, None, ())
