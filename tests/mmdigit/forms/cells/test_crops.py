"""Small pictures of fields."""

import cv2
import numpy as np
import pytest

from mmdigit.forms.cells.crops import CROP_PX_PER_MM, MAX_SIDE, PixelBox, boxes_in_crop, crop_of, cut_box
from mmdigit.forms.registration.flattening import PX_PER_MM
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.layout import Slot, boxes_of
from mmdigit.forms.template.template import Boxes, FormField
from schemas.errors import DataError
from tests.mmdigit.forms.written import TEMPLATE, filled_page, scanned_page


def test_crops_are_small_and_show_the_writing() -> None:
    placed = place(scanned_page(filled_page().pixels), TEMPLATE)
    assert isinstance(placed, PlacedPage)
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


@pytest.mark.parametrize(
    ("at_mm", "count", "turn_deg", "offset"),
    [
        ((40.0, 50.0), 8, 0.0, (0.4, -0.3)),
        ((0.2, 0.4), 8, 0.0, (0.0, 0.0)),  # cut off at the page's edge
        ((20.0, 30.0), 9, -10.0, (0.5, -0.3)),
        ((5.0, 50.0), 32, 0.0, (0.0, 0.0)),  # scaled down
    ],
)
def test_boxes_in_a_crop_are_where_they_are_seen(
    at_mm: tuple[float, float], count: int, turn_deg: float, offset: tuple[float, float]
) -> None:
    boxes = Boxes(at_mm=at_mm, size_mm=(8.0, 9.0), pitch_mm=10.0, count=count, turn_deg=turn_deg)
    field = FormField(name="aslant", boxes=boxes)
    slot = Slot(field, boxes_of(field), (), None, None, turn_deg)
    page_mm = (330.0, 120.0)
    page = np.zeros((round(page_mm[1] * PX_PER_MM), round(page_mm[0] * PX_PER_MM)), np.float32)
    for middle in (slot.corners.mean(axis=1) + np.array(offset)) * PX_PER_MM:
        cv2.circle(page, tuple(np.round(middle).astype(int).tolist()), PX_PER_MM, 1.0, -1)
    png = crop_of(page, slot, FrameFit(offset, 1.0))
    found = boxes_in_crop(slot, page_mm, png)
    assert len(found) == count
    for box in found:
        cut = cv2.imdecode(np.frombuffer(cut_box(png, box, 0), np.uint8), cv2.IMREAD_UNCHANGED)
        assert cut is not None
        assert cut.shape == (box.height, box.width)
        middle = np.argwhere(cut < 128).mean(axis=0)
        assert np.abs(middle - (np.array(cut.shape) - 1) / 2).max() < 1.5


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_boxes_of_what_is_no_crop_are_none(content: bytes) -> None:
    slot = Slot(TEMPLATE.pages[0].fields[0], boxes_of(TEMPLATE.pages[0].fields[0]), ())
    assert boxes_in_crop(slot, TEMPLATE.size_mm, content) == ()
    with pytest.raises(DataError, match="expected a PNG"):
        cut_box(content, PixelBox(0, 0, 5, 5))
