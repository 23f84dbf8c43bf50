"""Turns an image into the model's input: one digit, bright ink on black, centred in 28x28 like MNIST.

Source: LeCun, Cortes and Burges, "The MNIST database": the longest side of the digit is 20 pixels, the aspect ratio is
kept, and the centre of mass is in the middle of 28x28.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from mmdigit.reading.image.decode import IMAGE_SIDE, read_image
from mmdigit.reading.image.ink import find_ink
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.image.several_digits import image_has_several_digits
from schemas.prediction import Reason

DIGIT_SIDE = 20  # pixels, the longest side of the digit in the final image
STROKE_SIDE = 60  # pixels, the longest side of the digit while its stroke is measured: three times DIGIT_SIDE
MIN_STROKE_PX = 1.6  # of the final image; thinner strokes would fade when scaled down and are thickened first


class Digit(NamedTuple):
    """image: (28, 28), range [0, 1], 1 = ink. reasons: for review, seen in the whole image."""

    image: Grey
    reasons: tuple[Reason, ...] = ()


def decode_image(data: bytes) -> Grey:
    """Decode an image of one digit and normalize it to the layout of MNIST.

    data: as for read_image.
    Returns (28, 28), range [0, 1], 1 = ink. A blank image gives all zeros; a 28x28 image that already looks like MNIST
    is returned unchanged.
    Raises InvalidImage, and nothing else, whatever the bytes are.
    """
    return normalize(*read_image(data))


def normalize(grey: Grey, bright_ink: bool | None = None) -> Grey:
    """Find the ink, scale its longest side to 20 pixels and centre it by its mass.

    grey: (height, width), range [0, 1]. bright_ink: None = detect the polarity.
    Returns (28, 28), range [0, 1], 1 = ink.
    """
    return read_digit(grey, bright_ink).image


def read_digit(grey: Grey, bright_ink: bool | None = None) -> Digit:
    """As normalize, with the reasons for review that the image shows. grey: (H, W), range [0, 1]."""
    if bright_ink is not False and _looks_like_mnist(grey):
        return Digit(grey.astype(np.float32), ("several_digits",) if image_has_several_digits(grey) else ())
    ink, several = find_ink(grey, bright_ink)
    rows, columns = np.flatnonzero((ink > 0.3).any(axis=1)), np.flatnonzero((ink > 0.3).any(axis=0))
    if rows.size == 0:
        return Digit(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Digit(lay_out(digit), ("several_digits",) if several else ())


def lay_out(digit: Grey) -> Grey:
    """A digit's ink as MNIST lays it out.

    digit: (height, width), range [0, 1], 1 = ink, cut to the digit. Returns (28, 28), range [0, 1].
    """
    if max(digit.shape) > STROKE_SIDE:
        digit = _stretch(_resize(digit, STROKE_SIDE))
    return _stretch(_centre(thicken(digit)))


def _looks_like_mnist(grey: Grey) -> bool:
    """28x28, bright ink, black border, longest side 16-20 pixels and centre of mass near the middle."""
    if grey.shape != (IMAGE_SIDE, IMAGE_SIDE):
        return False
    left, top, width, height = cv2.boundingRect((grey > 0).view(np.uint8))
    if min(left, top, IMAGE_SIDE - left - width, IMAGE_SIDE - top - height) <= 0:  # ink on the border
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        if 2 * np.count_nonzero(border) > border.size or float(border.sum()) > 0.05 * border.size:
            return False
    if grey.max() < 0.5:
        return False
    moments = cv2.moments(grey)
    row, column = moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]
    # Measured on all 70,000 MNIST digits: longest side 17-20, centre of mass 13.4-14.6.
    return 16 <= max(width, height) <= 20 and max(abs(row - 14), abs(column - 14)) <= 1.5


def _resize(ink: Grey, longest: int) -> Grey:
    """Scale so that the longest side has that many pixels; keep the aspect ratio."""
    height, width = ink.shape
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def _stretch(ink: Grey) -> Grey:
    """Rescale the ink so that the inside of the stroke is 1 again."""
    full = float(np.percentile(ink[ink > 0.05], 90)) if bool((ink > 0.05).any()) else 1.0
    return np.asarray(np.clip(ink / full, 0, 1), np.float32)


def thicken(digit: Grey) -> Grey:
    """Thicken strokes to at least MIN_STROKE_PX final pixels: a hairline would vanish when scaled down."""
    final_pixel = max(digit.shape) / DIGIT_SIDE
    for _ in range(8):
        inked = np.pad(digit > 0.5, 1)
        edges = int((inked[1:] != inked[:-1]).sum() + (inked[:, 1:] != inked[:, :-1]).sum())
        # A stroke of width w and length l has area w*l and about 2 * 1.27 * l edges, averaged over all directions.
        stroke = 2.55 * int(inked.sum()) / max(edges, 1)
        if stroke >= MIN_STROKE_PX * final_pixel:
            break
        wide = np.pad(digit, 2)
        grown = wide.copy()
        for rows, columns in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            grown = np.maximum(grown, np.roll(wide, (rows, columns), (0, 1)))
        digit = grown[1:-1, 1:-1]
    return digit


def _centre(digit: Grey) -> Grey:
    """Scale to DIGIT_SIDE and put the centre of mass in the middle of 28x28, or as near as keeps the digit inside.

    Done in one step with subpixel precision, so that a little more or less ink does not move the digit a whole pixel.
    """
    pixel = max(digit.shape) / DIGIT_SIDE  # one pixel of the final image
    edges = []
    for axis, length in enumerate(digit.shape):
        middle = float(np.arange(length) @ digit.sum(axis=1 - axis)) / float(digit.sum()) + 0.5
        first = middle - (IMAGE_SIDE / 2 + 0.5) * pixel  # MNIST's centres of mass lie at index 14
        edges.append(min(max(first, length - IMAGE_SIDE * pixel), 0.0))
    border = math.ceil(IMAGE_SIDE * pixel)
    top, left = edges[0] + border, edges[1] + border
    padded = Image.fromarray(np.pad(digit, border))
    window = (left, top, left + IMAGE_SIDE * pixel, top + IMAGE_SIDE * pixel)
    return np.asarray(padded.resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR, box=window), np.float32)
