"""Runs of neighbouring pieces that may hold one digit: bounded, and each digit apart among them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.numbers.pieces import cut_pieces
from mmdigit.numbers.spans import MAX_PIECES_IN_SPAN, MAX_WIDTH, SHAPES, find_spans, lay_out_spans
from tests.mmdigit.numbers.drawing import HEIGHT, grey_of, row_of


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(3, 40))
@settings(max_examples=40, deadline=None)
def test_every_digit_apart_is_a_span(digits: list[int], gap: int) -> None:
    line, boxes = row_of(digits, [gap] * (len(digits) - 1))
    ink = 1 - grey_of(line)
    spans = find_spans(cut_pieces(ink, ink > 0.5, HEIGHT), HEIGHT)
    found = {tuple(box) for box in spans.boxes.tolist()}
    assert {box for box in boxes if box not in found and box[2] - box[0] <= MAX_WIDTH * HEIGHT} == set()
    assert (spans.last - spans.first <= MAX_PIECES_IN_SPAN).all()
    assert spans.shapes.shape == (spans.first.size, len(SHAPES))
    assert np.isfinite(spans.shapes).all()


def test_a_span_shows_its_own_ink_alone() -> None:
    line, boxes = row_of([8, 1], [3])
    ink = 1 - grey_of(line)
    pieces = cut_pieces(ink, ink > 0.5, HEIGHT)
    spans = find_spans(pieces, HEIGHT)
    [whole] = [row for row, box in enumerate(spans.boxes.tolist()) if tuple(box) == boxes[1]]
    image = lay_out_spans(ink, pieces, spans)[whole]
    assert image.shape == (28, 28)
    rows, columns = np.nonzero(image > 0.5)
    assert 18 <= np.ptp(rows) + 1 <= 21
    assert np.ptp(columns) < 14  # nothing of the eight


def test_no_pieces_give_no_spans() -> None:
    blank = np.zeros((80, 80), np.float32)
    spans = find_spans(cut_pieces(blank, blank > 0.5, HEIGHT), HEIGHT)
    assert spans.first.size == 0
    assert lay_out_spans(blank, cut_pieces(blank, blank > 0.5, HEIGHT), spans).shape == (0, 28, 28)
