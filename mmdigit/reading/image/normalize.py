"""Turns an image into the model's input: one digit, bright ink on black, centred in 28x28 like MNIST.

Source: LeCun, Cortes and Burges, "The MNIST database": the longest side of the digit is 20 pixels, the aspect ratio is
kept, and the centre of mass is in the middle of 28x28.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.decode import IMAGE_SIDE, read_image
from mmdigit.reading.image.ink import ink_steps
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.image.several_digits import have_several_digits
from mmdigit.reading.percentiles import percentile
from mmdigit.reading.steps import Steps, run
from schemas.prediction import Reason

DIGIT_SIDE = 20  # pixels, the longest side of the digit in the final image
STROKE_SIDE = 60  # pixels, the longest side of the digit while its stroke is measured: three times DIGIT_SIDE
MIN_STROKE_PX = 1.6  # of the final image; thinner strokes would fade when scaled down and are thickened first


class Digit(NamedTuple):
    """image: (28, 28), range [0, 1], 1 = ink. reasons: for review, seen in the whole image. photographed: the ink was
    found in a picture, not laid out as MNIST's digits are already."""

    image: Grey
    reasons: tuple[Reason, ...] = ()
    photographed: bool = False


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
    return run(digit_steps(grey, bright_ink))


def digit_steps(grey: Grey, bright_ink: bool | None = None) -> Steps[Digit]:
    """read_digit, with a pause after each step."""
    if bright_ink is not False and grey.shape == (IMAGE_SIDE, IMAGE_SIDE):
        (found,) = mnist_digits(grey[None])
        if found is not None:
            return found
    ink, several = yield from ink_steps(grey, bright_ink)
    yield
    left, top, width, height = cv2.boundingRect((ink > 0.3).view(np.uint8))
    if width == 0:
        return Digit(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32))
    digit = ink[top : top + height, left : left + width]
    return Digit(lay_out(digit), ("several_digits",) if several else (), photographed=True)


def lay_out(digit: Grey) -> Grey:
    """A digit's ink as MNIST lays it out.

    digit: (height, width), range [0, 1], 1 = ink, cut to the digit. Returns (28, 28), range [0, 1].
    """
    if max(digit.shape) > STROKE_SIDE:
        digit = _stretch(_resize(digit, STROKE_SIDE))
    return _stretch(_centre(thicken(digit)))


def mnist_digits(images: Grey) -> list[Digit | None]:
    """The digit in each image that is laid out like MNIST already; None for any other image.

    images: (B, 28, 28), range [0, 1]; none changes another's result.
    """
    like_mnist = _look_like_mnist(images)
    several = iter(have_several_digits(images[like_mnist]))
    return [
        Digit(digit, ("several_digits",) if next(several) else ()) if like else None
        for digit, like in zip(images.astype(np.float32), like_mnist.tolist(), strict=True)
    ]


def _look_like_mnist(images: Grey) -> NDArray[np.bool_]:
    """Bright ink, black border, longest side 16-20 pixels and centre of mass near the middle, (B,)."""
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    black_border = (2 * np.count_nonzero(edges, axis=1) <= edges.shape[1]) & (
        np.add.reduce(edges, axis=1) <= 0.05 * edges.shape[1]
    )
    inked = np.asarray(images > 0)
    by_row, by_column = (np.logical_or.reduce(inked, axis=axis) for axis in (2, 1))
    side = np.maximum(_extent(by_row), _extent(by_column))
    in_rows, in_columns = (np.add.reduce(images, axis=axis) for axis in (2, 1))
    mass = np.maximum(np.add.reduce(in_rows, axis=1), 0.5)  # at least that where the ink is bright
    places = np.arange(IMAGE_SIDE) - IMAGE_SIDE / 2
    off_centre = np.maximum(
        np.abs(np.add.reduce(in_rows * places, axis=1)), np.abs(np.add.reduce(in_columns * places, axis=1))
    )
    bright = images.max(axis=(1, 2)) >= 0.5
    # Measured on all 70,000 MNIST digits: longest side 17-20, centre of mass 13.4-14.6.
    return np.asarray(black_border & bright & (side >= 16) & (side <= DIGIT_SIDE) & (off_centre <= 1.5 * mass))


def _extent(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last inked row or column, (B,); IMAGE_SIDE if there is none. inked: (B, 28)."""
    return np.asarray(IMAGE_SIDE - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1))


def _resize(ink: Grey, longest: int) -> Grey:
    """Scale so that the longest side has that many pixels; keep the aspect ratio."""
    height, width = ink.shape
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def _stretch(ink: Grey) -> Grey:
    """Rescale the ink so that the inside of the stroke is 1 again."""
    inside = ink[ink > 0.05]
    return np.minimum(ink / percentile(inside, 90), 1) if inside.size else ink


def thicken(digit: Grey) -> Grey:
    """Thicken strokes to at least MIN_STROKE_PX final pixels: a hairline would vanish when scaled down."""
    final_pixel = max(digit.shape) / DIGIT_SIDE
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for _ in range(8):
        inked = cv2.copyMakeBorder((digit > 0.5).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        edges = np.count_nonzero(inked[1:] != inked[:-1]) + np.count_nonzero(inked[:, 1:] != inked[:, :-1])
        # A stroke of width w and length l has area w*l and about 2 * 1.27 * l edges, averaged over all directions.
        stroke = 2.55 * cv2.countNonZero(inked) / max(int(edges), 1)
        if stroke >= MIN_STROKE_PX * final_pixel:
            break
        digit = np.asarray(cv2.dilate(cv2.copyMakeBorder(digit, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cross), np.float32)
    return digit


def _centre(digit: Grey) -> Grey:
    """Scale to DIGIT_SIDE and put the centre of mass in the middle of 28x28, or as near as keeps the digit inside.

    Done in one step with subpixel precision, so that a little more or less ink does not move the digit a whole pixel.
    """
    pixel = max(digit.shape) / DIGIT_SIDE  # one pixel of the final image
    window = IMAGE_SIDE * pixel
    # Not cv2.moments, which takes two columns for the points of a contour.
    (top, above, below), (left, before, after) = (
        _margins(float(np.arange(length) @ digit.sum(axis=1 - axis)) / float(digit.sum()), length, pixel)
        for axis, length in enumerate(digit.shape)
    )
    padded = Image.fromarray(cv2.copyMakeBorder(digit, above, below, before, after, cv2.BORDER_CONSTANT))
    box = (left, top, left + window, top + window)
    return np.asarray(padded.resize((IMAGE_SIDE, IMAGE_SIDE), Image.Resampling.BILINEAR, box=box), np.float32)


def _margins(middle: float, length: int, pixel: float) -> tuple[float, int, int]:
    """Where the final image begins in the padded digit along one axis, and the padding before and after the digit.

    middle: the index of the centre of mass. pixel: of the final image. Interpolation reaches a pixel of either image.
    """
    first = middle + 0.5 - (IMAGE_SIDE / 2 + 0.5) * pixel  # MNIST's centres of mass lie at index 14
    first = min(max(first, length - IMAGE_SIDE * pixel), 0.0)
    before = math.ceil(max(pixel, 1) - first)
    return before + first, before, math.ceil(first + IMAGE_SIDE * pixel - length + max(pixel, 1))
