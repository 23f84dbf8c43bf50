"""Crossed-out digits go to review; a barred seven and a slashed zero are digits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmdigit.predictor import Predictor, read_sample
from mmdigit.struck import SHAPES, StruckReader
from schemas.errors import WeightsError
from tests.mmdigit.clips import as_bytes

PICTURES = Path(__file__).parents[1] / "cases" / "crossed-out"
SIDE = 120


def drawn(name: str, *lines: tuple[int, int, int, int], width: int = 4) -> bytes:
    """A seven or a zero, and lines over it."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    if name == "seven":
        draw.line([(36, 25), (82, 25), (55, 98)], fill=0, width=8, joint="curve")
    else:
        draw.ellipse((38, 20, 84, 100), outline=0, width=8)
    for line in lines:
        draw.line(line, fill=0, width=width)
    return as_bytes(image)


def reasons(predictor: Predictor, image: bytes) -> tuple[str, ...]:
    (answer,) = predictor.predict([read_sample(image, None)])
    return answer.reasons


@pytest.mark.parametrize("name", ["3_line", "4_slash", "5_slash", "7_line"])
def test_crossed_out_digits_go_to_review(name: str, predictor: Predictor) -> None:
    assert "struck_out" in reasons(predictor, (PICTURES / f"{name}.png").read_bytes())


@pytest.mark.parametrize(
    "lines",
    [
        [(15, 62, 105, 55)],
        [(18, 100, 100, 18)],
        [(15, 55, 105, 52), (15, 72, 105, 69)],
        [(22, 20, 98, 100), (98, 20, 22, 100)],
    ],
)
def test_every_usual_stroke_through_a_digit(lines: list[tuple[int, int, int, int]], predictor: Predictor) -> None:
    assert "struck_out" in reasons(predictor, drawn("seven", *lines))


def test_strokes_that_belong_to_a_digit(predictor: Predictor) -> None:
    barred, slashed = drawn("seven", (50, 60, 82, 58), width=7), drawn("zero", (44, 90, 78, 30), width=6)
    underlined = drawn("seven", (25, 108, 95, 108))
    for image in (drawn("seven"), drawn("zero"), barred, slashed, underlined):
        assert "struck_out" not in reasons(predictor, image)


def test_a_picture_is_judged_alike_in_any_company() -> None:
    random = np.random.default_rng(5)
    images = random.random((5, 28, 28), np.float32)
    together = StruckReader.load().logits(images)
    alone = [float(StruckReader.load().logits(image[None])[0]) for image in images]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_weights_that_cannot_be_used_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected weights at .*FileNotFoundError"):
        StruckReader.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_bytes(b"no archive")
    with pytest.raises(WeightsError, match="expected weights at"):
        StruckReader.load(tmp_path / "text.npz")
    with pytest.raises(WeightsError, match=r"first of shape .*got none"):
        StruckReader({})
    with pytest.raises(WeightsError, match=r"first of shape \(25, 16\), got \(2,\)"):
        StruckReader({name: np.zeros(2, np.float32) for name in SHAPES})
