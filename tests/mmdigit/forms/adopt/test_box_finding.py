"""Boxes on a blank: each row of equal ones is found where it is printed, and nothing else is taken for one."""

import io

import numpy as np
import pypdfium2
import pytest

from mmdigit.forms.adopt.blank import laid
from mmdigit.forms.adopt.box_finding import BoxRow, find_rows
from tests.mmdigit.forms.adopt.foreign import (
    ASLANT,
    HEIGHT_MM,
    NUMBER,
    PITCH_MM,
    SEPARATE,
    TALL_MM,
    WIDTH_MM,
    blank_pdf,
    canvas_for,
    draw_boxes,
    draw_text,
)


def rows_of(pdf: bytes) -> list[BoxRow]:
    pixels = pypdfium2.PdfDocument(pdf)[0].render(scale=200 / 72, grayscale=True).to_numpy()
    return find_rows(laid(np.array(pixels, np.uint8), (WIDTH_MM, HEIGHT_MM)))


def test_find_rows_finds_adjoining_and_separate_boxes() -> None:
    number, separate, check = rows_of(blank_pdf(1))
    assert (number.count, separate.count, check.count) == (9, 4, 1)
    assert number.at_mm == pytest.approx(NUMBER[:2], abs=0.15)
    assert number.size_mm == pytest.approx((PITCH_MM, TALL_MM), abs=0.15)
    assert number.pitch_mm == pytest.approx(PITCH_MM, abs=0.02)
    assert separate.at_mm == pytest.approx(SEPARATE, abs=0.15)
    assert separate.size_mm == pytest.approx((PITCH_MM, TALL_MM), abs=0.15)
    assert separate.pitch_mm == pytest.approx(10.0, abs=0.02)
    assert check.size_mm == pytest.approx((5.0, 5.0), abs=0.15)
    assert {row.turn_deg for row in (number, separate, check)} == {0.0}


def test_find_rows_finds_boxes_aslant() -> None:
    (row,) = rows_of(blank_pdf(2))
    assert row.count == 9
    assert row.turn_deg == pytest.approx(ASLANT[2], abs=0.11)
    assert row.at_mm == pytest.approx(ASLANT[:2], abs=0.2)


def test_find_rows_parts_a_date_where_its_boxes_stand_apart() -> None:
    buffer = io.BytesIO()
    canvas = canvas_for(buffer)
    for left, count in ((30.0, 2), (49.0, 2), (68.0, 4)):
        draw_boxes(canvas, (left, 60.0, 0.0), count, PITCH_MM)
    canvas.save()
    assert [row.count for row in rows_of(buffer.getvalue())] == [2, 2, 4]


def test_find_rows_takes_no_text_and_no_frame_for_a_box() -> None:
    buffer = io.BytesIO()
    canvas = canvas_for(buffer)
    draw_text(canvas, 3)
    canvas.setFont("Helvetica-Bold", 40)
    canvas.drawString(60, 600, "OQD0 88")
    draw_boxes(canvas, (30.0, 95.0, 0.0), 1, 80.0, 80.0, 20.0)  # for a signature
    draw_boxes(canvas, (30.0, 145.0, 0.0), 4, 14.0, 14.0, 7.0)  # cells of a table
    draw_boxes(canvas, (30.0, 195.0, 0.0), 3, 8.0, 2.0, 2.0)
    canvas.save()
    assert rows_of(buffer.getvalue()) == []
