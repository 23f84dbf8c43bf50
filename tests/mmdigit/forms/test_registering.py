"""Pages as they are kept: every cell, the ids of its job, and a small picture of each field."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdigit.forms.adopt.handwriting import handwriting
from mmdigit.forms.cells import CellReader
from mmdigit.forms.crops import CROP_PX_PER_MM, MAX_SIDE, crop_of
from mmdigit.forms.flattening import PX_PER_MM
from mmdigit.forms.frames import FrameFit
from mmdigit.forms.jobs import group_of, jobs_of
from mmdigit.forms.layout import Slot, boxes_of
from mmdigit.forms.page import PageFault
from mmdigit.forms.placing import PlacedPage, place
from mmdigit.forms.registering import PageOrigin, kept_fault, kept_page
from mmdigit.forms.template import Boxes, FormField
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


def test_crops_are_small_and_show_the_writing(placed: PlacedPage) -> None:
    sizes = []
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        png = crop_of(placed.darkness, slot, frame)
        sizes.append(len(png))
        seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert seen is not None
        wide = round((slot.bounds.right - slot.bounds.left + 3) * CROP_PX_PER_MM)
        assert seen.ndim == 2
        assert abs(seen.shape[1] - wide) <= 2
    first = crop_of(placed.darkness, placed.slots[0], placed.frames[0])
    written = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_UNCHANGED)
    assert written is not None
    assert (written < 80).mean() > 0.02
    assert max(sizes) < 4_000
    assert np.mean(sizes) < 2_000


def test_crop_of_a_wide_field_stays_bounded() -> None:
    field = FormField(name="wide", boxes=Boxes(at_mm=(0.0, 0.0), size_mm=(20.0, 25.0), pitch_mm=50.0, count=32))
    slot = Slot(field, boxes_of(field), ())
    noise = np.random.default_rng(1).random((300, 13_000), np.float32)
    png = crop_of(noise, slot, FrameFit((0.0, 0.0), 1.0))
    seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    assert max(seen.shape) == MAX_SIDE


def test_crop_of_boxes_aslant_is_upright() -> None:
    boxes = Boxes(at_mm=(20.0, 30.0), size_mm=(8.0, 9.0), pitch_mm=8.0, count=9, turn_deg=-10)
    slot = Slot(
        FormField(name="aslant", boxes=boxes), boxes_of(FormField(name="aslant", boxes=boxes)), (), None, None, -10
    )
    page = np.zeros((80 * PX_PER_MM, 120 * PX_PER_MM), np.float32)
    offset = np.array([0.5, -0.3])
    line = np.round((slot.corners.mean(axis=1) + offset) * PX_PER_MM - 0.5).astype(np.int32)
    cv2.polylines(page, [line], False, 1.0, PX_PER_MM)
    png = crop_of(page, slot, FrameFit((0.5, -0.3), 1.0))
    seen = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    assert seen.shape == (12 * CROP_PX_PER_MM, 75 * CROP_PX_PER_MM)
    rows, columns = np.nonzero(seen < 128)
    assert abs(rows.mean() - 6 * CROP_PX_PER_MM) < 1
    assert np.ptp(rows) < 2 * CROP_PX_PER_MM
    assert np.ptp(columns) > 60 * CROP_PX_PER_MM


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
