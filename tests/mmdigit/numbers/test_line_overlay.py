"""What was read is drawn over the photo."""

import cv2
import numpy as np

from mmdigit.numbers.line_overlay import CERTAIN, CUT, SMALLEST, UNCERTAIN, draw_overlay
from mmdigit.numbers.written_number import Side, WrittenDigit, WrittenNumber
from mmdigit.reading.image.decode import Photo

PHOTO = Photo(np.ones((100, 300), np.float32), (600, 200))


def number_of(*confidences: float, cut: tuple[Side, ...] = ()) -> WrittenNumber:
    corners = [
        ((left, 50.0), (left + 60, 50.0), (left + 60, 150.0), (left, 150.0)) for left in (20.0, 120.0, 220.0)
    ]  # fmt: skip
    digits = tuple(
        WrittenDigit(4, confidence, 9, box, cut) for confidence, box in zip(confidences, corners, strict=False)
    )
    return WrittenNumber(digits, 0.9, "49", "review", ("low_confidence",), "m")


def colours(png: bytes) -> set[tuple[int, ...]]:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape) >= SMALLEST
    return {tuple(int(value) for value in pixel) for pixel in np.unique(picture.reshape(-1, 3), axis=0)}


def test_each_box_has_the_colour_of_its_certainty() -> None:
    assert CERTAIN in colours(draw_overlay(PHOTO, number_of(0.999)))
    assert UNCERTAIN not in colours(draw_overlay(PHOTO, number_of(0.999)))
    assert {CERTAIN, UNCERTAIN} <= colours(draw_overlay(PHOTO, number_of(0.999, 0.5)))


def test_cuts_are_drawn() -> None:
    assert CUT not in colours(draw_overlay(PHOTO, number_of(0.999)))
    assert CUT in colours(draw_overlay(PHOTO, number_of(0.999, cut=("left",))))


def test_a_photo_without_digits_is_drawn_too() -> None:
    nothing = WrittenNumber((), 0.0, "", "review", ("no_digits",), "m")
    assert draw_overlay(PHOTO, nothing).startswith(b"\x89PNG")
