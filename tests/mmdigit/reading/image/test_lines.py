"""Box lines and rules are removed; digits that look like lines are not."""

import numpy as np
import pytest
from PIL import Image

from mmdigit.reading.image.normalize import normalize
from tests.mmdigit.clips import drawn_digit
from tests.mmdigit.reading.image.sevens import BOXES, SIDE, difference, seven, with_lines


@pytest.mark.parametrize("bright_ink", [False, True])
@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("box", BOXES)
def test_box_lines_leave_no_trace(box: str, width: int, bright_ink: bool) -> None:
    crop = with_lines(drawn_digit(SIDE, 9), BOXES[box], width)
    assert difference(1 - crop if bright_ink else crop, seven()) < 0.1


@pytest.mark.parametrize("box", BOXES)
def test_box_without_a_digit_is_nearly_blank(box: str) -> None:
    digit = normalize(with_lines(Image.new("L", (SIDE, SIDE), 255), BOXES[box]))
    assert (digit > 0.3).sum() <= 8


def test_stroke_across_a_line_is_rejoined() -> None:
    """The bar of the seven is as dark as the line that runs through it."""
    crop = with_lines(drawn_digit(SIDE, 9, ink=60), [(0.0, 0.5, 1.0, 0.5)], 3, ink=60)
    digit, expected = normalize(crop), normalize(seven())
    assert ((digit > 0.5) & (expected > 0.5)).sum() > 0.93 * (expected > 0.5).sum()
    assert difference(crop, seven()) < 0.12


@pytest.mark.parametrize("place", [0.3, 0.5, 0.6])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("width", [3, 8])
def test_one_is_not_taken_for_a_line(place: float, margin: float, width: int) -> None:
    crop = with_lines(Image.new("L", (80, SIDE), 255), [(place, margin, place, 1 - margin)], width)
    digit = normalize(crop)
    rows, columns = np.flatnonzero((digit > 0.5).any(axis=1)), np.flatnonzero((digit > 0.5).any(axis=0))
    assert rows[-1] - rows[0] + 1 >= 18
    assert columns[-1] - columns[0] + 1 <= 3
