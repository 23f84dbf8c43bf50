"""Frames are taken out; strokes over them stay."""

import numpy as np
import pytest

from mmdigit.forms.cells.frame_masks import mask_frames
from mmdigit.forms.registration.flattening import Darkness
from mmdigit.forms.template.layout import Rect

INK = 0.85
BOXES = [Rect(10 + 60 * index, 10, 62 + 60 * index, 78) for index in range(4)]


def framed(line: float) -> Darkness:
    """Four boxes of soft lines, three pixels wide. line: darkness."""
    strip = np.zeros((90, 260), np.float32)
    for box in BOXES:
        left, top, right, bottom = map(round, box)
        for reach, dark in ((1, line / 3), (0, line)):
            for column in (left, right):
                area = strip[top - 1 : bottom + 1, column - 1 - reach : column + reach]
                area[:] = np.maximum(area, dark)
            for row in (top, bottom):
                area = strip[row - 1 - reach : row + reach, left - 1 : right + 1]
                area[:] = np.maximum(area, dark)
    return strip


def masked(strip: Darkness) -> Darkness:
    return mask_frames(strip.copy(), BOXES, (4,))


@pytest.mark.parametrize("line", [0.15, 0.65, 1.0])
def test_frames_alone_leave_nothing(line: float) -> None:
    assert masked(framed(line)).max() < 0.1


@pytest.mark.parametrize("line", [0.15, 0.65, 1.0])
def test_stroke_across_a_frame_stays_whole(line: float) -> None:
    strip = framed(line)
    strip[60:90, 30:35] = INK
    assert masked(strip)[60:88, 32].min() > 0.4


def test_stroke_along_a_grey_frame_stays() -> None:
    strip = framed(0.5)
    strip[20:70, 60:66] = INK  # the right edge of the first box, all but its ends
    kept = masked(strip)[25:65, 55:70]
    assert (kept > 0.4).sum(axis=1).min() >= 5


def test_noise_on_a_frame_is_not_ink() -> None:
    strip = framed(0.6) + np.random.default_rng(1).normal(0, 0.02, (90, 260)).astype(np.float32)
    assert masked(np.clip(strip, 0, 1)).max() < 0.13
