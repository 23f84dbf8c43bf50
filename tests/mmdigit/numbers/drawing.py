"""Lines of digits for the tests: those of the sample pack set in a row."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.ink import find_ink

PACK = Path(__file__).parents[3] / "samples" / "pack" / "images"
CLEAR = ("04", "01", "00", "06", "01", "06", "00", "06", "01", "06")
"""A plainly written digit of each kind."""
HEIGHT = 60  # pixels

Picture = NDArray[np.uint8]


@cache
def pack_digit(digit: int) -> Picture:
    """Dark ink on white, HEIGHT pixels high or a little less, cut to the ink."""
    ink, _ = find_ink(*read_image((PACK / f"{digit}_{CLEAR[digit]}.png").read_bytes()))
    left, top, width, tall = cv2.boundingRect((ink > 0.5).view(np.uint8))
    cut = ink[top : top + tall, left : left + width]
    large = cv2.resize(cut, (max(1, round(width * HEIGHT / tall)), HEIGHT), interpolation=cv2.INTER_CUBIC)
    left, top, width, tall = cv2.boundingRect((large > 0.5).view(np.uint8))
    return np.where(large[top : top + tall, left : left + width] > 0.5, 20, 255).astype(np.uint8)


def row_of(
    digits: Sequence[int], gaps: Sequence[int], margin: int = 40
) -> tuple[Picture, list[tuple[int, int, int, int]]]:
    """The line, and left, top, right, bottom of each digit. gaps: after each but the last, pixels; below 0 they
    overlap."""
    pictures = [pack_digit(digit) for digit in digits]
    width = sum(picture.shape[1] for picture in pictures) + sum(gaps) + 2 * margin
    line = np.full((HEIGHT + 2 * margin, width), 255, np.uint8)
    left, boxes = margin, []
    for picture, gap in zip(pictures, [*gaps, 0], strict=True):
        right, bottom = left + picture.shape[1], margin + len(picture)
        place = np.s_[margin:bottom, left:right]
        line[place] = np.minimum(line[place], picture)
        boxes.append((left, margin, right, bottom))
        left = right + gap
    return line, boxes


def grey_of(line: Picture) -> NDArray[np.float32]:
    """As the decoder returns it."""
    return np.asarray(line / np.float32(255), np.float32)
