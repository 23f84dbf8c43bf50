"""Shadows, neighbours and marks around a digit do not change its ink."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmdigit.reading.image.ink import MAX_WORKING_SIDE, MIN_WORKING_SIDE, find_ink
from mmdigit.reading.image.normalize import normalize
from tests.mmdigit.clips import drawn_digit
from tests.mmdigit.reading.image.sevens import SIDE, difference, grey, seven


@pytest.mark.parametrize("edge", [0.35, 0.5, 0.65])
def test_hard_edge_of_a_shadow_is_not_ink(edge: float) -> None:
    crop = grey(drawn_digit(SIDE, 9, ink=30, paper=240))
    crop[:, round(edge * SIDE) :] *= 0.55
    assert difference(crop, seven()) < 0.15


def test_pieces_of_neighbours_at_the_edge_are_removed() -> None:
    image = drawn_digit(SIDE, 9)
    draw = ImageDraw.Draw(image)
    draw.ellipse((-20, 30, 10, 90), outline=0, width=8)
    draw.line((116, 20, 119, 80), fill=0, width=8)
    assert difference(grey(image), seven()) < 0.03


def test_parts_of_a_broken_digit_are_kept() -> None:
    image = drawn_digit(SIDE, 9)
    ImageDraw.Draw(image).rectangle((0, 38, SIDE, 44), fill=255)  # separates the bar of the seven from its stem
    digit = normalize(grey(image))
    assert (digit[:8] > 0.5).any(axis=0).sum() >= 10  # the bar's width
    assert (digit[12:] > 0.5).sum() > 20


@pytest.mark.parametrize("contrast", [0.06, 0.12, 0.5])
def test_faint_ink_is_read(contrast: float) -> None:
    noise = np.random.default_rng(7).normal(0, 0.08 * contrast, (SIDE, SIDE))
    crop = np.clip(0.8 - contrast * (1 - seven()) + noise, 0, 1).astype(np.float32)
    assert difference(crop, seven()) < 0.15


def seven_with_faint_foot(foot: int, shine: int) -> NDArray[np.float32]:
    """A black seven with the lower half of its stem grey. shine: grey of strokes across the paper, 255 = none."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    for left in range(5, SIDE, 15):
        draw.line([(left, 3), (left + 7, SIDE - 3)], fill=shine, width=7)
    draw.line([(35, 25), (85, 25), (70, 60)], fill=0, width=9, joint="curve")
    draw.line([(70, 60), (55, 97)], fill=foot, width=9)
    return grey(image)


def lowest(crop: NDArray[np.float32]) -> int:
    """The last row with ink of the digit."""
    ink, _ = find_ink(crop)
    return int(np.flatnonzero((ink > 0.1).any(axis=1))[-1])


@pytest.mark.parametrize("foot", [190, 205, 220])
def test_faint_continuation_of_a_stroke_is_kept_on_clean_paper(foot: int) -> None:
    assert lowest(seven_with_faint_foot(foot, shine=255)) >= 96


@pytest.mark.parametrize("shine", [195, 190, 180])
def test_ink_that_shines_through_is_not_joined_to_the_digit(shine: int) -> None:
    """It is darker than the faintest ink accepted on clean paper."""
    ink, expected = (find_ink(seven_with_faint_foot(0, level))[0] > 0.1 for level in (shine, 255))
    assert ink.sum() <= expected.sum()


@pytest.mark.parametrize("grain", [0.0, 0.008, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_paper_without_ink_is_blank(seed: int, grain: float) -> None:
    random = np.random.default_rng(seed)
    slope = np.linspace(0.7, 0.9, SIDE)[:, None] * np.linspace(0.8, 1, SIDE)
    paper = slope + random.normal(0, grain, (SIDE, SIDE))
    assert not normalize(np.clip(paper, 0, 1).astype(np.float32)).any()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 300), (64, 64), (100, 90), (256, 256), (256, 8)])
def test_find_ink_works_on_a_bounded_size(height: int, width: int) -> None:
    noise = np.random.default_rng(8).random((height, width), np.float32)
    for crop in (noise, np.round(noise), np.zeros_like(noise)):
        ink, _ = find_ink(crop)
        assert MIN_WORKING_SIDE <= max(ink.shape) <= MAX_WORKING_SIDE
        assert ink.dtype == np.float32
        assert np.isfinite(ink).all()
        assert 0 <= ink.min() <= ink.max() <= 1


@pytest.mark.parametrize("side", [64, 101, 128])
def test_find_ink_of_a_checkerboard_is_blank(side: int) -> None:
    board = (np.indices((side, side)).sum(axis=0) % 2).astype(np.float32)
    assert find_ink(board)[0].max() == 0
