"""Levels of any bit depth are scaled by the bits in use; a blank image stays blank."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mmdigit.reading.image.normalize import decode_image
from tests.mmdigit.clips import as_bytes, drawn_digit

GREY = np.asarray(drawn_digit(), np.float64) / 255
PLAIN = decode_image(as_bytes(drawn_digit()))


def saved(levels: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> bytes:
    return cv2.imencode(".png", np.round(levels).astype(np.uint16))[1].tobytes()


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize("negative", [False, True])
def test_scale_levels_of_any_bit_depth(bits: int, negative: bool) -> None:
    grey = 1 - GREY if negative else GREY
    assert np.abs(decode_image(saved(grey * (2**bits - 1))) - PLAIN).mean() < 0.03


@pytest.mark.parametrize("bits", [8, 9, 10, 11, 12, 14, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_scale_levels_of_any_bit_depth_in_colour(bits: int, channels: int) -> None:
    top = 2**bits - 1
    pixels = np.dstack([GREY * top] * 3 + [np.full_like(GREY, top)] * (channels - 3))
    assert np.abs(decode_image(saved(pixels)) - PLAIN).mean() < 0.01
    ink = np.dstack([np.zeros_like(GREY)] * 3 + [(1 - GREY) * top])
    assert np.abs(decode_image(saved(ink)) - PLAIN).mean() < 0.01


def test_scale_levels_ignores_a_few_hot_pixels() -> None:
    levels = GREY * 1023
    levels[::40, ::40] = 65_535
    assert np.abs(decode_image(saved(levels)) - PLAIN).mean() < 0.05


@pytest.mark.parametrize("level", [0, 3, 100, 600, 1000, 4000, 30_000, 65_535])
@pytest.mark.parametrize("side", [28, 100, 200])
def test_blank_16_bit_image_stays_blank(level: int, side: int) -> None:
    assert not decode_image(saved(np.full((side, side), level))).any()
    random = np.random.default_rng(level + side)
    for grain in (1, 0.005 * level):
        assert not decode_image(saved(np.clip(random.normal(level, grain, (side, side)), 0, 65_535))).any()


@pytest.mark.parametrize("most", [2, 16, 200, 1000])
@pytest.mark.parametrize("side", [28, 100, 200])
def test_noise_of_a_dark_image_is_not_ink(most: int, side: int) -> None:
    noise = np.random.default_rng(most + side).integers(0, most, (side, side))
    assert not decode_image(saved(noise.astype(np.float64))).any()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (-300, 300), (0, 1e6)])
def test_floats_are_fractions_or_counts(low: float, high: float) -> None:
    data = as_bytes(Image.fromarray((low + GREY * (high - low)).astype(np.float32)), "TIFF")
    assert np.abs(decode_image(data) - PLAIN).mean() < 0.01
