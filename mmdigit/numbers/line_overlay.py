"""A photo with what was read drawn over it, as PNG: each digit's box and label, and where touching digits were cut."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.written_number import WrittenNumber
from mmdigit.reading.image.decode import Photo

CERTAIN, UNCERTAIN, CUT = (60, 160, 0), (0, 110, 230), (200, 60, 160)  # BGR
SURE = 0.99  # from this confidence a digit is drawn as certain
SMALLEST = 900  # pixels, the longest side of the PNG at least
STRIP = 0.35  # of the line's height, below the photo, for the number
PART = 4  # bits of a pixel's part that OpenCV draws to


def draw_overlay(photo: Photo, number: WrittenNumber) -> bytes:
    """PNG. Boxes are green, or orange if the digit is not certain; sides along which digits were cut are purple."""
    scale = max(1.0, SMALLEST / max(photo.grey.shape))
    grey = np.round(photo.grey * 255).astype(np.uint8)
    image = cv2.cvtColor(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    to_picture = image.shape[1] / photo.size[0]
    unit = max(24.0, 0.04 * image.shape[1])
    strip = np.full((round(1.6 * unit), image.shape[1], 3), 255, np.uint8)
    picture = np.concatenate([image, strip])
    for digit in number.digits:
        corners = np.array(digit.corners) * to_picture
        colour = CERTAIN if digit.confidence >= SURE else UNCERTAIN
        _lines(picture, corners, colour, True)
        for side in digit.cut_sides:
            _lines(picture, corners[[0, 3] if side == "left" else [1, 2]], CUT, False)
        _text(picture, str(digit.label), (float(corners[0, 0]), float(corners[0, 1]) - 4), unit / 40, colour)
    line = f"{number.number or '-'}   {number.decision}" + "".join(f", {reason}" for reason in number.reasons)
    _text(picture, line, (6.0, image.shape[0] + 1.1 * unit), unit / 40, (0, 0, 0))
    return bytes(cv2.imencode(".png", picture)[1])


def _lines(
    picture: cv2.typing.MatLike, points: NDArray[np.float64], colour: tuple[int, int, int], closed: bool
) -> None:  # fmt: skip
    places = np.round(points * 2**PART).astype(np.int32)
    cv2.polylines(picture, [places], closed, colour, 2, cv2.LINE_AA, PART)


def _text(
    picture: cv2.typing.MatLike, text: str, at: tuple[float, float], size: float, colour: tuple[int, int, int]
) -> None:  # fmt: skip
    place = max(0, round(at[0])), max(round(24 * size), round(at[1]))
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 2, cv2.LINE_AA)
