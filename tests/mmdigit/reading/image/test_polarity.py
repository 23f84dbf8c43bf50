"""The polarity of the ink, whatever the border and the crop."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmdigit.reading.image.polarity import ink_is_dark, polarity_cues
from tests.mmdigit.clips import drawn_digit
from tests.mmdigit.reading.image.sevens import BOXES, SIDE, difference, grey, seven, with_lines


@pytest.mark.parametrize("inverted", [False, True])
def test_polarity_does_not_follow_a_dark_frame(inverted: bool) -> None:
    """A thick frame makes most of the border as dark as the ink."""
    crop = with_lines(drawn_digit(SIDE, 9), BOXES["frame"], 16)
    assert difference(1 - crop if inverted else crop, seven()) < 0.15


def test_polarity_cues_change_sign_with_the_image() -> None:
    np.testing.assert_allclose(polarity_cues(seven()), -polarity_cues(1 - seven()), atol=1e-4)


@pytest.mark.parametrize("bright_ink", [False, True])
@pytest.mark.parametrize("grain", [0.0, 0.03])
def test_ink_is_dark_in_tight_crops_of_thick_strokes(grain: float, bright_ink: bool) -> None:
    """Strokes so thick, and cut so close, that they cover more than the paper."""
    image = Image.new("L", (64, 80), 235)
    ImageDraw.Draw(image).line([(4, 14), (46, 14), (46, 36), (18, 70), (60, 70)], fill=40, width=25, joint="curve")
    noise = np.random.default_rng(9).normal(0, grain, (80, 64))
    crop = np.clip(grey(image) + noise, 0, 1).astype(np.float32)
    assert ink_is_dark(1 - crop if bright_ink else crop) is not bright_ink
