"""Rules are taken out of a line of writing; digits stay."""

import numpy as np
import pytest

from mmdigit.numbers.rules import remove_rules
from tests.mmdigit.numbers.drawing import HEIGHT, grey_of, row_of


def ink_of(digits: list[int]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return 1 - grey_of(row_of(digits, [10] * (len(digits) - 1))[0])


def test_digits_alone_are_left_as_they_are() -> None:
    ink = ink_of(list(range(10)))
    cleared, ruled = remove_rules(ink, 0.05, HEIGHT)
    assert not ruled
    assert np.array_equal(cleared, ink)


@pytest.mark.parametrize("row", [30, 70, 99])
def test_a_rule_goes_and_strokes_across_it_stay(row: int) -> None:
    digits = ink_of([4, 7, 1, 8])
    ink = digits.copy()
    ink[row : row + 2] = 1
    cleared, ruled = remove_rules(ink, 0.05, HEIGHT)
    assert ruled
    wrong = np.abs(cleared - digits) > 0.5
    assert wrong[row - 3 : row + 5].mean() < 0.05
    assert not wrong[: row - 3].any()
    assert not wrong[row + 5 :].any()


def test_upright_rules_go() -> None:
    digits = ink_of([4, 7, 1, 8])
    ink = digits.copy()
    ink[:, 10:12] = 1
    cleared, ruled = remove_rules(ink, 0.05, HEIGHT)
    assert ruled
    assert cleared[:, :20].max() < 0.5
