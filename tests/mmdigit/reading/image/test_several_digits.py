"""Several digits in one image go to review; marks beside one digit do not."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmdigit.reading.batch_decoding import decode_batch
from mmdigit.reading.image.normalize import read_digit
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.clips import as_bytes, drawn_digit

CASES = Path(__file__).parents[3] / "cases" / "several-digits"
DIGIT = 60  # pixels, the height of a drawn seven


def seven(width: int = 7) -> NDArray[np.uint8]:
    """A tight crop of a seven, dark on white."""
    drawn = np.asarray(drawn_digit(round(DIGIT / 0.55), width))
    rows, columns = np.flatnonzero((drawn < 128).any(axis=1)), np.flatnonzero((drawn < 128).any(axis=0))
    return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def sheet(places: list[tuple[float, float]], height: float, width: float) -> Image.Image:
    """Sevens at these positions (x, y of the upper left corner); all lengths are fractions of their height."""
    image = Image.new("L", (round(width * DIGIT), round(height * DIGIT)), 255)
    for x, y in places:
        image.paste(Image.fromarray(seven()), (round(x * DIGIT), round(y * DIGIT)))
    return image


def reasons(image: Image.Image) -> tuple[str, ...]:
    return read_digit(np.asarray(np.asarray(image) / 255, np.float32)).reasons


@pytest.mark.parametrize("name", ["17", "47", "2026", "grid_of_six"])
def test_several_digits_go_to_review(name: str, predictor: Predictor) -> None:
    (answer,) = predictor.predict([decode_input((CASES / f"{name}.png").read_bytes(), None)])
    assert answer.decision == "review"
    assert "several_digits" in answer.reasons


@pytest.mark.parametrize("gap", [0.15, 0.3, 0.5, 1.0])
def test_several_digits_beside_each_other(gap: float) -> None:
    wide = seven().shape[1] / DIGIT
    assert reasons(sheet([(0.2, 0.2), (0.2 + wide + gap, 0.25)], 1.5, 2 * wide + gap + 0.4)) == ("several_digits",)


def test_several_digits_above_each_other() -> None:
    assert reasons(sheet([(0.2, 0.1), (0.25, 1.3)], 2.5, 1.2)) == ("several_digits",)


def test_several_digits_in_a_tight_crop() -> None:
    wide = seven().shape[1] / DIGIT
    assert reasons(sheet([(0, 0), (wide + 0.3, 0.1)], 1.1, 2 * wide + 0.3)) == ("several_digits",)


def one(draw_beside: str) -> Image.Image:
    """One seven with a mark beside it."""
    image = sheet([(0.3, 0.3)], 1.6, 1.6)
    draw, size = ImageDraw.Draw(image), DIGIT
    match draw_beside:
        case "dot":
            draw.ellipse((1.2 * size, 1.2 * size, 1.3 * size, 1.3 * size), fill=0)
        case "comma":
            draw.line((1.3 * size, 1.15 * size, 1.2 * size, 1.4 * size), fill=0, width=6)
        case "neighbour":
            draw.ellipse((1.35 * size, 0.3 * size, 2.2 * size, 1.3 * size), outline=0, width=7)
        case "box line":
            draw.line((1.45 * size, 0, 1.45 * size, 1.5 * size), fill=0, width=3)
        case "underline":
            draw.line((0.1 * size, 1.45 * size, 1.4 * size, 1.45 * size), fill=0, width=4)
    return image


@pytest.mark.parametrize("beside", ["nothing", "dot", "comma", "neighbour", "box line", "underline"])
def test_one_digit_with_small_marks_is_one(beside: str) -> None:
    assert reasons(one(beside)) == ()


@pytest.mark.parametrize("width", [3, 7])
@pytest.mark.parametrize("side", [1.8, 2.4])
def test_circled_digit_goes_to_review(side: float, width: int) -> None:
    image = sheet([((side + 0.4 - seven().shape[1] / DIGIT) / 2, (side - 0.6) / 2)], side + 0.4, side + 0.4)
    edge, far = 0.2 * DIGIT, (0.2 + side) * DIGIT
    ImageDraw.Draw(image).ellipse((edge, edge, far, far), outline=0, width=width)
    assert reasons(image) == ("several_digits",)


@pytest.mark.parametrize("inside", ["dot", "slash"])
def test_zero_with_a_dot_or_a_loose_slash_is_one_digit(inside: str) -> None:
    image = Image.new("L", (110, 130), 255)
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 15, 90, 115), outline=0, width=8)
    if inside == "dot":
        draw.ellipse((48, 55, 62, 75), fill=0)
    else:
        draw.line((44, 82, 66, 48), fill=0, width=6)
    assert reasons(image) == ()


@pytest.mark.parametrize(("room", "expected"), [(3, ("several_digits",)), (0, ())])
def test_mnist_image_may_hold_two_digits(room: int, expected: tuple[str, ...]) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:14] = image[4:24, 14 + room : 16 + room] = 255
    pixels = np.asarray(image / 255, np.float32)
    assert np.array_equal(read_digit(pixels).image, pixels)
    assert read_digit(pixels).reasons == read_digit(pixels, bright_ink=True).reasons == expected


@pytest.mark.parametrize("gap", [2, 4])
def test_five_with_a_loose_bar_is_one_digit(gap: int) -> None:
    image = Image.new("L", (100, 120), 255)
    draw = ImageDraw.Draw(image)
    draw.line((30, 20, 75, 18), fill=0, width=7)
    draw.line((30, 24 + gap, 28, 55), fill=0, width=7)
    draw.arc((15, 45, 75, 105), 220, 130, fill=0, width=7)
    assert reasons(image) == ()


def test_one_in_two_pieces_is_one_digit() -> None:
    image = Image.new("L", (60, 120), 255)
    draw = ImageDraw.Draw(image)
    draw.line((32, 12, 30, 55), fill=0, width=6)
    draw.line((30, 62, 28, 108), fill=0, width=6)
    assert reasons(image) == ()


def test_decoded_inputs_carry_the_reasons_of_their_images(predictor: Predictor) -> None:
    pair, single = (CASES / "17.png").read_bytes(), as_bytes(drawn_digit(100, 8))
    first, second = decode_batch([(pair, None), (single, None)])
    assert not isinstance(first, Exception)
    assert not isinstance(second, Exception)
    assert first.reasons == decode_input(pair, None).reasons == ("several_digits",)
    assert second.reasons == ()
