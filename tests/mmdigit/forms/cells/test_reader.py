"""Cells: what is written in a box comes out alone; what is no digit is told."""

import numpy as np
import pytest

from mmdigit.forms.cells.reader import AROUND_MM, BLANK_MM2, Cell, CellReader
from mmdigit.forms.registration.flattening import PX_PER_MM, Darkness
from mmdigit.forms.registration.frames import FrameFit
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.layout import Rect, slots_of
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.normalize import read_digit
from tests.mmdigit.forms.written import FREE, TEMPLATE, filled_page, scanned_page

READER = CellReader()
SLOTS = slots_of(TEMPLATE, 0)
EXACT = FrameFit((0.0, 0.0), 0.5)
FRAME = 0.5
"""Darkness of a printed line."""


def printed() -> Darkness:
    """The page's boxes alone, as flatten gives them."""
    page = np.zeros((round(297 * PX_PER_MM), round(210 * PX_PER_MM)), np.float32)
    for slot in SLOTS:
        for box in slot.boxes:
            for edge in (
                Rect(box.left, box.top, box.right, box.top), Rect(box.left, box.bottom, box.right, box.bottom),
                Rect(box.left, box.top, box.left, box.bottom), Rect(box.right, box.top, box.right, box.bottom),
            ):  # fmt: skip
                draw(page, edge.grown(0.17), FRAME)
    return page


def draw(page: Darkness, rect: Rect, darkness: float = 0.9) -> None:
    left, top, right, bottom = (round(side * PX_PER_MM) for side in rect)
    page[top:bottom, left:right] = np.maximum(page[top:bottom, left:right], darkness)


def first_field(page: Darkness) -> list[Cell]:
    return READER.read(page, SLOTS, [EXACT] * len(SLOTS))[0]


BOX = SLOTS[0].boxes[0]
MIDDLE = (BOX.left + BOX.right) / 2


def test_cells_of_an_empty_form_are_blank() -> None:
    fields = READER.read(printed(), SLOTS, [EXACT] * len(SLOTS))
    assert {cell.state for cells in fields for cell in cells} == {"blank"}
    assert max(cell.ink_mm2 for cells in fields for cell in cells) < BLANK_MM2 / 4


def test_cells_tell_a_digit_from_what_is_none() -> None:
    page = printed()
    draw(page, Rect(MIDDLE - 0.3, BOX.top + 2, MIDDLE + 0.3, BOX.bottom - 2))
    draw(page, SLOTS[0].boxes[2])
    draw(page, Rect(SLOTS[0].boxes[4].left + 2, BOX.top + 2, SLOTS[0].boxes[4].left + 2.3, BOX.top + 2.3))
    states = [cell.state for cell in first_field(page)]
    assert states == ["digit", "blank", "over_full", "blank", "blank", "blank", "blank", "blank"]


def test_stroke_across_a_frame_is_kept_whole() -> None:
    page = printed()
    draw(page, Rect(MIDDLE - 0.3, BOX.top + 3, MIDDLE + 0.3, BOX.bottom + 0.9))
    [cell, *others] = first_field(page)
    assert cell.state == "digit"
    assert {other.state for other in others} == {"blank"}
    inked = np.flatnonzero((cell.image > 127).any(axis=1))
    assert inked[-1] - inked[0] >= 17
    assert (cell.image[inked[0] : inked[-1] + 1].max(axis=1) > 127).all()  # no gap where the line was


def test_tail_of_a_neighbour_is_not_this_box_s_ink() -> None:
    page = printed()
    draw(page, Rect(BOX.left + 2, BOX.top + 4, SLOTS[0].boxes[1].left + 1.0, BOX.top + 4.6))
    first, second, *_ = first_field(page)
    assert first.state == "digit"
    assert second.state == "blank"


def test_straight_stroke_through_empty_boxes_is_no_digit() -> None:
    page = printed()
    draw(page, Rect(BOX.left - 0.8, BOX.top + 4, SLOTS[0].boxes[3].right + 0.8, BOX.top + 4.8), 0.5)
    digit = SLOTS[0].boxes[1]
    draw(page, Rect(digit.left + 2, digit.top + 1.5, digit.left + 2.6, digit.bottom - 1.5))
    assert [cell.state == "blank" for cell in first_field(page)] == [True, False, *[True] * 6]


def test_stroke_through_two_boxes_is_not_told_as_blank() -> None:
    page = printed()
    draw(page, Rect(BOX.left + 2, BOX.top + 4, SLOTS[0].boxes[1].right - 2, BOX.top + 4.6))
    assert [cell.state for cell in first_field(page)][:2] == ["digit", "digit"]


def test_marks_between_groups_are_no_ink() -> None:
    page = printed()
    born = SLOTS[1]
    between = (born.boxes[1].right + born.boxes[2].left) / 2
    draw(page, Rect(between - 0.6, BOX.top + 20, between + 0.6, born.boxes[0].bottom))
    assert {cell.state for cell in READER.read(page, SLOTS, [EXACT] * len(SLOTS))[1]} == {"blank"}


@pytest.fixture(scope="module")
def placed() -> PlacedPage:
    found = place(scanned_page(filled_page().pixels), TEMPLATE)
    assert isinstance(found, PlacedPage)
    return found


def test_blank_boxes_of_a_scan_are_told(placed: PlacedPage) -> None:
    fields = READER.read(placed.darkness, placed.slots, placed.frames)
    for cells, written in zip(fields, filled_page().written, strict=True):
        assert [cell.state == "blank" for cell in cells] == [written is None] * len(cells)


def test_cells_pass_through_the_general_decoder_unchanged(placed: PlacedPage) -> None:
    fields = READER.read(placed.darkness, placed.slots, placed.frames)
    cells = [cell for cells in fields for cell in cells if cell.state == "digit"]
    unchanged = sum(
        np.array_equal(np.round(255 * read_digit(*read_image(cell.content)).image).astype(np.uint8), cell.image)
        for cell in cells
    )
    assert len(cells) > 50
    assert unchanged > 0.9 * len(cells)


FREE_SLOTS = slots_of(FREE, 0)
OUTLINE = FREE_SLOTS[0].boxes[0]


def free_page() -> Darkness:
    """With the frame of the free field, and its label's ink above it."""
    page = np.zeros((round(297 * PX_PER_MM), round(210 * PX_PER_MM)), np.float32)
    for edge in (
        Rect(OUTLINE.left, OUTLINE.top, OUTLINE.right, OUTLINE.top),
        Rect(OUTLINE.left, OUTLINE.bottom, OUTLINE.right, OUTLINE.bottom),
        Rect(OUTLINE.left, OUTLINE.top, OUTLINE.left, OUTLINE.bottom),
        Rect(OUTLINE.right, OUTLINE.top, OUTLINE.right, OUTLINE.bottom),
    ):
        draw(page, edge.grown(0.17), FRAME)
    draw(page, Rect(OUTLINE.left + 5, OUTLINE.top - 2, OUTLINE.left + 6, OUTLINE.top - 0.5), 0.7)
    return page


def free_cell(page: Darkness) -> Cell:
    [cell] = READER.read(page, FREE_SLOTS, [EXACT] * len(FREE_SLOTS))[0]
    return cell


def test_free_field_is_one_cell_that_is_no_digit() -> None:
    page = free_page()
    cell = free_cell(page)
    assert (cell.state, cell.line) == ("blank", None)
    for left in (10.0, 20.0, 30.0):
        stroke = Rect(OUTLINE.left + left, OUTLINE.top + 2, OUTLINE.left + left + 0.6, OUTLINE.bottom - 2)
        draw(page, stroke)
    cell = free_cell(page)
    assert (cell.state, cell.is_digit) == ("digit", False)
    assert cell.line is not None
    inked = np.flatnonzero((cell.line > 0.5).any(axis=0)) / PX_PER_MM - AROUND_MM
    assert sorted({round(float(place) / 10) for place in inked}) == [1, 2, 3]
    assert cell.line[: round(AROUND_MM * PX_PER_MM)].max() < 0.2  # neither the label nor the frame


def test_blackened_free_field_is_told() -> None:
    page = free_page()
    draw(page, OUTLINE)
    assert (free_cell(page).state, free_cell(page).line) == ("over_full", None)
