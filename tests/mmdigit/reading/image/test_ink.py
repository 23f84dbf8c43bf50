"""What surrounds a digit in a crop, and must not change how it is read."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmdigit.reading.image.ink import MAX_WORKING_SIDE, MIN_WORKING_SIDE, find_ink
from mmdigit.reading.image.normalize import normalize
from mmdigit.reading.image.polarity import ink_is_dark, polarity_cues
from tests.mmdigit.clips import drawn_digit

SIDE = 120
Line = tuple[float, float, float, float]  # x, y of both ends, in parts of the side
LEFT, RIGHT = (0.04, 0.0, 0.04, 1.0), (0.95, 0.0, 0.95, 1.0)
TOP, BOTTOM = (0.0, 0.05, 1.0, 0.05), (0.0, 0.94, 1.0, 0.94)
BOXES: dict[str, list[Line]] = {
    "left": [LEFT],
    "right": [RIGHT],
    "top": [TOP],
    "bottom": [BOTTOM],
    "corner": [LEFT, BOTTOM],
    "frame": [LEFT, RIGHT, TOP, BOTTOM],
    "turned": [(0.03, 0.0, 0.07, 1.0), (0.93, 0.0, 0.97, 1.0), (0.0, 0.07, 1.0, 0.03), (0.0, 0.96, 1.0, 0.92)],
    "inside": [(0.1, 0.1, 0.1, 0.92), (0.9, 0.1, 0.9, 0.92), (0.1, 0.1, 0.9, 0.1), (0.1, 0.92, 0.9, 0.92)],
    "broken": [(0.04, 0.0, 0.04, 0.55), (0.04, 0.65, 0.04, 1.0)],
}


def grey(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(np.asarray(image) / 255, np.float32)


def with_lines(image: Image.Image, lines: list[Line], width: int = 4, ink: int = 0) -> NDArray[np.float32]:
    draw = ImageDraw.Draw(image)
    for line in lines:
        x, y = np.array(line[::2]) * (image.width - 1), np.array(line[1::2]) * (image.height - 1)
        draw.line([(round(x[0]), round(y[0])), (round(x[1]), round(y[1]))], fill=ink, width=width)
    return grey(image)


def seven() -> NDArray[np.float32]:
    return grey(drawn_digit(SIDE, 9))


def unlike(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Mean difference of what the decoder makes of two crops, of the ink in the second."""
    expected = normalize(second)
    return float(np.abs(normalize(first) - expected).sum() / expected.sum())


@pytest.mark.parametrize("bright_ink", [False, True])
@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("box", BOXES)
def test_box_lines_leave_no_trace(box: str, width: int, bright_ink: bool) -> None:
    crop = with_lines(drawn_digit(SIDE, 9), BOXES[box], width)
    assert unlike(1 - crop if bright_ink else crop, seven()) < 0.1


@pytest.mark.parametrize("box", BOXES)
def test_box_without_a_digit_is_nearly_blank(box: str) -> None:
    digit = normalize(with_lines(Image.new("L", (SIDE, SIDE), 255), BOXES[box]))
    assert (digit > 0.3).sum() <= 8


def test_stroke_across_a_line_is_rejoined() -> None:
    """The bar of the seven is as dark as the line that runs through it."""
    crop = with_lines(drawn_digit(SIDE, 9, ink=60), [(0.0, 0.5, 1.0, 0.5)], 3, ink=60)
    digit, expected = normalize(crop), normalize(seven())
    assert ((digit > 0.5) & (expected > 0.5)).sum() > 0.93 * (expected > 0.5).sum()
    assert unlike(crop, seven()) < 0.12


@pytest.mark.parametrize("place", [0.3, 0.5, 0.6])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("width", [3, 8])
def test_one_is_not_taken_for_a_line(place: float, margin: float, width: int) -> None:
    crop = with_lines(Image.new("L", (80, SIDE), 255), [(place, margin, place, 1 - margin)], width)
    digit = normalize(crop)
    rows, columns = np.flatnonzero((digit > 0.5).any(axis=1)), np.flatnonzero((digit > 0.5).any(axis=0))
    assert rows[-1] - rows[0] + 1 >= 18
    assert columns[-1] - columns[0] + 1 <= 3


@pytest.mark.parametrize("edge", [0.35, 0.5, 0.65])
def test_hard_edge_of_a_shadow_is_not_ink(edge: float) -> None:
    crop = grey(drawn_digit(SIDE, 9, ink=30, paper=240))
    crop[:, round(edge * SIDE) :] *= 0.55
    assert unlike(crop, seven()) < 0.15


def test_pieces_of_neighbours_at_the_edge_are_removed() -> None:
    image = drawn_digit(SIDE, 9)
    draw = ImageDraw.Draw(image)
    draw.ellipse((-20, 30, 10, 90), outline=0, width=8)
    draw.line((116, 20, 119, 80), fill=0, width=8)
    assert unlike(grey(image), seven()) < 0.03


def test_parts_of_a_broken_digit_are_kept() -> None:
    image = drawn_digit(SIDE, 9)
    ImageDraw.Draw(image).rectangle((0, 38, SIDE, 44), fill=255)  # parts the bar of the seven from its stem
    digit = normalize(grey(image))
    assert (digit[:8] > 0.5).any(axis=0).sum() >= 10  # the bar's width
    assert (digit[12:] > 0.5).sum() > 20


@pytest.mark.parametrize("inverted", [False, True])
def test_polarity_does_not_follow_a_dark_frame(inverted: bool) -> None:
    """A thick frame makes most of the border as dark as the ink."""
    crop = with_lines(drawn_digit(SIDE, 9), BOXES["frame"], 16)
    assert unlike(1 - crop if inverted else crop, seven()) < 0.15


def test_polarity_cues_change_sign_with_the_image() -> None:
    np.testing.assert_allclose(polarity_cues(seven()), -polarity_cues(1 - seven()), atol=1e-4)


@pytest.mark.parametrize("contrast", [0.06, 0.12, 0.5])
def test_faint_ink_is_read(contrast: float) -> None:
    noise = np.random.default_rng(7).normal(0, 0.08 * contrast, (SIDE, SIDE))
    crop = np.clip(0.8 - contrast * (1 - seven()) + noise, 0, 1).astype(np.float32)
    assert unlike(crop, seven()) < 0.15


def seven_with_faint_foot(foot: int, shine: int) -> NDArray[np.float32]:
    """Black, its stem's lower half of another grey. shine: grey of strokes on the whole paper, 255 = there are none."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    for left in range(5, SIDE, 15):
        draw.line([(left, 3), (left + 7, SIDE - 3)], fill=shine, width=7)
    draw.line([(35, 25), (85, 25), (70, 60)], fill=0, width=9, joint="curve")
    draw.line([(70, 60), (55, 97)], fill=foot, width=9)
    return grey(image)


def lowest(crop: NDArray[np.float32]) -> int:
    """The last row of the digit's ink in a crop of SIDE."""
    ink, _ = find_ink(crop)
    return int(np.flatnonzero((ink > 0.1).any(axis=1))[-1])


@pytest.mark.parametrize("foot", [190, 205, 220])
def test_faint_continuation_of_a_stroke_is_kept_on_clean_paper(foot: int) -> None:
    assert lowest(seven_with_faint_foot(foot, shine=255)) >= 96


@pytest.mark.parametrize("shine", [195, 190, 180])
def test_ink_that_shines_through_is_not_joined_to_the_digit(shine: int) -> None:
    """It is darker than the faintest ink that counts on clean paper."""
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


@pytest.mark.parametrize("bright_ink", [False, True])
@pytest.mark.parametrize("grain", [0.0, 0.03])
def test_ink_is_dark_in_tight_crops_of_thick_strokes(grain: float, bright_ink: bool) -> None:
    """Strokes so thick, and cut so close, that they cover more than the paper."""
    image = Image.new("L", (64, 80), 235)
    ImageDraw.Draw(image).line([(4, 14), (46, 14), (46, 36), (18, 70), (60, 70)], fill=40, width=25, joint="curve")
    noise = np.random.default_rng(9).normal(0, grain, (80, 64))
    crop = np.clip(grey(image) + noise, 0, 1).astype(np.float32)
    assert ink_is_dark(1 - crop if bright_ink else crop) is not bright_ink
