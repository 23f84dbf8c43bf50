"""Ink is cut into pieces: whole digits where they stand apart, parts of what may be several."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.numbers.pieces import MAX_CUTS_IN_ALL, MAX_PIECES, Pieces, cut_pieces
from tests.mmdigit.numbers.drawing import HEIGHT, grey_of, row_of


def pieces_of(digits: list[int], gaps: list[int]) -> tuple[Pieces, list[tuple[int, int, int, int]]]:
    line, boxes = row_of(digits, gaps)
    ink = 1 - grey_of(line)
    return cut_pieces(ink, ink > 0.5, HEIGHT), boxes


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(3, 40))
@settings(max_examples=40, deadline=None)
def test_digits_apart_are_never_in_one_piece(digits: list[int], gap: int) -> None:
    pieces, boxes = pieces_of(digits, [gap] * (len(digits) - 1))
    for left, _, right, _ in pieces.boxes.tolist():
        assert any(start <= left and right <= end for start, _, end, _ in boxes)
    assert (np.diff(pieces.boxes[:, 0]) >= -HEIGHT).all()


def test_a_cut_goes_through_touching_digits() -> None:
    pieces, _ = pieces_of([0, 0], [-12])
    before = np.concatenate([[0.0], np.cumsum(pieces.area)]) / pieces.area.sum()
    assert any(abs(share - 0.5) < 0.06 for share in before[pieces.cut_ink > 0])


def test_ink_is_kept_and_specks_are_not() -> None:
    ink = np.zeros((100, 200), np.float32)
    cv2.rectangle(ink, (20, 20), (30, 80), 1, -1)
    ink[50, 150] = 1
    pieces = cut_pieces(ink, ink > 0.5, HEIGHT)
    assert pieces.boxes.tolist() == [[20, 20, 31, 81]]
    assert pieces.area.tolist() == [11 * 61]
    assert (pieces.part_of >= 0).sum() == 11 * 61


def test_there_are_never_too_many_pieces() -> None:
    ink = np.zeros((200, 4000), np.float32)
    ink[::12, ::6] = 1
    ink[1::12, ::6] = 1
    inked = cv2.dilate((ink > 0).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert len(cut_pieces(inked.astype(np.float32), inked, 20).area) <= MAX_PIECES + MAX_CUTS_IN_ALL
