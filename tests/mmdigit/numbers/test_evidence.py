"""What follows from a line's lattice: how many digits it has, their places, cuts and the ink that is left out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.numbers.decoding import decode
from mmdigit.numbers.evidence import (
    MOST_DIGITS,
    Evidence,
    Weighed,
    count_chances,
    cut_ink_of,
    digits_of,
    evidence_of,
    left_out_of,
    other_number,
)
from mmdigit.numbers.lattice import Lattice
from mmdigit.numbers.line_ink import LINE_HEIGHT, LineInk
from mmdigit.numbers.pieces import Pieces
from mmdigit.numbers.span_model import load_fitted
from mmdigit.numbers.spans import find_spans
from mmdigit.reading.decision import softmax


def line_of(labels: list[int], cut: float = 0.0) -> Evidence:
    """Digits apart, a piece each, which the model is sure of; what spans several is none. cut: ink between the first
    two."""
    count = len(labels)
    lefts = 50 * np.arange(count)
    boxes = np.stack([lefts, np.zeros(count), lefts + 40, np.full(count, LINE_HEIGHT)], axis=1).astype(np.int64)
    cut_ink = np.zeros(count + 1)
    cut_ink[1] = cut
    pieces = Pieces(np.zeros((60, 400), np.int32), boxes, np.full(count, 900.0), np.arange(count), cut_ink)
    spans = find_spans(pieces, LINE_HEIGHT)
    single = spans.last - spans.first == 1
    log_chances = np.log(np.full((spans.first.size, 10), 0.1))
    for row in np.flatnonzero(single):
        log_chances[row] = np.log(0.001)
        log_chances[row, labels[spans.first[row]]] = np.log(0.991)
    novelty = np.where(single, -6.0, 6.0)
    line = LineInk(
        np.zeros((60, 400), np.float32), np.zeros((60, 400), bool), np.array([[2.0, 0, 10], [0, 2.0, 20]]), 1.0
    )
    images = np.zeros((spans.first.size, 28, 28), np.float32)
    return evidence_of(Weighed(line, pieces, spans, images, log_chances, novelty), load_fitted())


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_digits_apart_are_read_in_their_order(labels: list[int]) -> None:
    evidence = line_of(labels)
    counts = count_chances(evidence.lattice)
    assert counts.shape == (MOST_DIGITS + 1,)
    assert counts.argmax() == len(labels)
    decoded = decode(evidence.lattice, len(labels))
    assert decoded is not None
    digits = digits_of(evidence, decoded, softmax(decoded.scores), 1.0)
    assert [digit.label for digit in digits] == labels
    assert [digit.box for digit in digits] == [(10 + 100 * at, 20, 90 + 100 * at, 132) for at in range(len(labels))]
    assert left_out_of(evidence, decoded) == 0
    assert cut_ink_of(evidence, decoded) == 0


def test_what_is_left_out_and_cut_is_measured() -> None:
    evidence = line_of([4, 7, 1], cut=14.0)
    decoded = decode(evidence.lattice, 2)
    assert decoded is not None
    assert left_out_of(evidence, decoded) == 900 / LINE_HEIGHT**2
    whole = decode(evidence.lattice, 3)
    assert whole is not None
    assert cut_ink_of(evidence, whole) == 14 / LINE_HEIGHT
    assert [digit.cut_sides for digit in digits_of(evidence, whole, softmax(whole.scores), 1.0)] == [
        ("right",), ("left",), (),
    ]  # fmt: skip


def test_the_other_number_differs() -> None:
    evidence = line_of([4, 7, 1])
    decoded = decode(evidence.lattice, 3)
    assert decoded is not None
    chances = softmax(decoded.scores)
    other = other_number(evidence.lattice, decoded, chances, None)
    assert len(other) == 3
    assert sum(one != another for one, another in zip(other, "471", strict=True)) == 1
    assert other_number(evidence.lattice, decoded, chances, count_chances(evidence.lattice)) != "471"


def test_an_empty_lattice_has_no_digits() -> None:
    nothing = Lattice(np.zeros(1), 0.0, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 10)))
    assert count_chances(nothing)[0] == 1
