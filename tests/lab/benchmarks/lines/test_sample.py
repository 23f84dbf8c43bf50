"""Which spans of a line are one digit, and which writers are kept apart."""

import numpy as np

from lab.benchmarks.lines.rendering import Line
from lab.benchmarks.lines.sample import purity, writers_apart
from mmdigit.numbers.evidence import Weighed
from mmdigit.numbers.line_ink import LineInk
from mmdigit.numbers.pieces import cut_pieces
from mmdigit.numbers.spans import find_spans


def test_only_whole_digits_are_pure() -> None:
    ink = np.zeros((60, 120), np.float32)
    ink[5:55, 10:20] = ink[5:55, 50:60] = ink[5:55, 70:74] = 1  # a digit, and one in two pieces
    owners = np.where(ink > 0, np.where(np.arange(120) < 40, 0, 1), -1).astype(np.int8)
    pieces = cut_pieces(ink, ink > 0.5, 50)
    spans = find_spans(pieces, 50)
    place = LineInk(ink, ink > 0.5, np.array([[1.0, 0, 0], [0, 1.0, 0]]), 1.0)
    nothing = np.zeros(spans.first.size)
    weighed = Weighed(
        place, pieces, spans, np.zeros((nothing.size, 28, 28), np.float32), np.zeros((nothing.size, 10)), nothing
    )
    line = Line(1 - ink, "42", np.zeros((2, 4)), 0, owners, 1.0)
    found = dict(zip(zip(spans.first.tolist(), spans.last.tolist(), strict=True), purity(line, weighed), strict=True))
    assert found[0, 1] == found[1, 3] == 1
    assert all(value < 0.75 for span, value in found.items() if span not in {(0, 1), (1, 3)})


def test_a_writer_is_on_one_side_alone() -> None:
    sides = writers_apart([7, 3, 3, 9, 7])
    assert sides.tolist() == [False, True, True, True, False]
