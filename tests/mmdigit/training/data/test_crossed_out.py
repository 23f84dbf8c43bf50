"""Rendered crossed-out digits, and digits with harmless marks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.training.data.crossed_out import DrawMark, add_bar, add_harmless_mark, add_slash, cross_out, render_digits
from mmdigit.training.data.splits import Digits
from tests.mmdigit.clips import mnist_like


def canvas() -> NDArray[np.uint8]:
    """A digit of 80 pixels in the middle of a canvas of 200."""
    drawn = np.zeros((200, 200), np.uint8)
    drawn[60:140, 85:93], drawn[60:68, 85:125] = 255, 255
    return drawn


def added(draw: DrawMark, seed: int) -> NDArray[np.bool_]:
    """Which pixels it inks that were paper."""
    drawn = canvas()
    draw(drawn, 8, np.random.default_rng(seed))
    assert (drawn >= canvas()).all()  # it takes no ink away
    return (drawn > 127) & (canvas() <= 127)


@pytest.mark.parametrize("seed", range(40))
def test_cross_out_leaves_the_digit_on_two_sides(seed: int) -> None:
    rows, columns = np.nonzero(added(cross_out, seed))
    assert sum(map(bool, (columns.min() < 85, columns.max() > 124, rows.min() < 60, rows.max() > 139))) >= 2


@pytest.mark.parametrize("seed", range(40))
def test_harmless_marks_stay_below_or_behind_the_digit(seed: int) -> None:
    rows, columns = np.nonzero(added(add_harmless_mark, seed))
    assert ((rows > 135) | (columns > 120)).all()


@pytest.mark.parametrize("seed", range(20))
def test_add_bar_is_short_and_in_the_middle(seed: int) -> None:
    rows, columns = np.nonzero(added(add_bar, seed))
    assert rows.size > 0
    assert rows.min() > 68
    assert rows.max() < 136
    assert columns.max() - columns.min() < 0.75 * 80


@pytest.mark.parametrize("seed", range(20))
def test_add_slash_stays_near_the_digit(seed: int) -> None:
    rows, columns = np.nonzero(added(add_slash, seed))
    assert rows.size > 0
    assert rows.min() > 60 - 0.25 * 80
    assert columns.max() < 125 + 0.25 * 80


@pytest.mark.parametrize("share", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_render_digits_does_not_depend_on_the_workers(share: tuple[float, float, float]) -> None:
    drawn = np.stack([mnist_like(seed) for seed in range(6)])
    digits = Digits(drawn, np.array([0, 7, 1, 2, 3, 4]), np.full(6, -1))
    made = render_digits(digits, True, share, seed=4)
    assert made.shape == (6, 28, 28)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, render_digits(digits, True, share, seed=4, workers=2))
    assert (made != render_digits(digits, True, share, seed=5)).any()
    assert (made != render_digits(digits, False, share, seed=4)).any()
