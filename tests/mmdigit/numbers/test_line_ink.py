"""The line of writing is found in a photo and set upright, its digits of one height."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.numbers.line_ink import LINE_HEIGHT, find_line
from mmdigit.reading.image.pixels import Grey
from tests.mmdigit.numbers.drawing import grey_of, row_of


def photo(scale: float = 1.0, turn_deg: float = 0.0, light: float = 0.0) -> Grey:
    line, _ = row_of([4, 7, 1, 8, 2], [14] * 4, margin=60)
    height, width = line.shape
    warp = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, scale), np.float64)
    size = max(8, round(scale * width)), max(8, round(scale * height))
    warp[:, 2] += np.array([size[0] - width, size[1] - height]) / 2
    turned = cv2.warpAffine(line, warp, size, flags=cv2.INTER_AREA, borderValue=(255,))
    shade = 1 - light * np.linspace(0, 1, size[0], dtype=np.float32)
    return np.asarray(grey_of(np.asarray(turned, np.uint8)) * shade, np.float32)


@pytest.mark.parametrize("scale", [0.4, 1.0, 4.0])
@pytest.mark.parametrize("turn_deg", [-6.0, 0.0, 6.0])
def test_digits_come_out_upright_and_of_one_height(scale: float, turn_deg: float) -> None:
    found = find_line(photo(scale, turn_deg, light=0.3))
    assert found is not None
    rows = np.flatnonzero(found.inked.any(axis=1))
    assert 0.8 * LINE_HEIGHT <= rows[-1] - rows[0] <= 1.3 * LINE_HEIGHT
    assert not found.several_lines
    slope = np.rad2deg(np.arctan2(found.to_photo[1, 0], found.to_photo[0, 0]))
    assert abs(slope + turn_deg) < 3  # what is left is within how level people write


def test_bright_ink_on_dark_paper_is_found() -> None:
    dark, bright = find_line(photo()), find_line(1 - photo())
    assert dark is not None
    assert bright is not None
    assert abs(int(dark.inked.sum()) - int(bright.inked.sum())) < 0.1 * dark.inked.sum()


def test_two_lines_are_told() -> None:
    one = photo()
    found = find_line(np.concatenate([one, one]))
    assert found is not None
    assert found.several_lines


def test_blank_paper_has_no_line() -> None:
    random = np.random.default_rng(0)
    assert find_line(np.full((100, 300), 0.8, np.float32)) is None
    assert find_line(np.asarray(0.8 + random.normal(0, 0.001, (100, 300)), np.float32)) is None


@given(st.integers(0, 2**32 - 1), st.integers(8, 200), st.integers(8, 200), st.sampled_from([1, 2, 7, 30]))
@settings(max_examples=60, deadline=None)
def test_any_pixels_give_ink_within_range(seed: int, height: int, width: int, grain: int) -> None:
    random = np.random.default_rng(seed)
    small = random.random((-(-height // grain), -(-width // grain)), np.float32)
    grey = np.kron(small, np.ones((grain, grain), np.float32))[:height, :width]
    found = find_line(grey)
    if found is not None:
        assert found.ink.shape == found.inked.shape
        assert np.isfinite(found.ink).all()
        assert 0 <= found.ink.min() <= found.ink.max() <= 1
