"""Detects a second digit in an image, which may hold one digit only.

Judged by the bounding boxes of the inked parts, which are known anyway. Not a second digit: dots and commas (small), a
neighbour cut off by the crop (it touches the edge, and the digit leaves the opposite edge free), the bar of a five
(above and flat), a digit in two pieces (closer together, or shorter), the slash or dot in a zero (thin or small). A
digit with a circle around it counts as two.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# Fractions of the main part's height unless stated otherwise. Tuned on rendered digits of MNIST's training writers.
MIN_HEIGHT = 0.6  # of a digit beside the main part
MIN_FLAT_HEIGHT = 0.35  # the same, if the gap is wide and the part is at least MIN_HEIGHT wide
MIN_GAP = 0.06  # to a digit beside; a piece of the same digit is usually closer
WIDE_GAP = 0.15
MIN_HEIGHT_ABOVE = 0.55  # of a digit above or below; the halves of one digit are wider than tall
MIN_GAP_ABOVE = 0.03
MAX_WIDTH_ABOVE, MAX_WIDTH_FAR_ABOVE = 1.25, 1.7  # of its own height: a digit above or below; across a wide gap
INKED = 0.3  # of full ink, the threshold for the parts of an image that looks like MNIST
MAX_WIDTH_OF_ONE = 0.3  # of their own height: both pieces of a one
MIN_AREA = 0.12  # of the main part's inked area; a thin one beside a bold eight has this much
MIN_DARKNESS = 0.5  # of the main part's; what shines through from the other side of the sheet is fainter
MIN_CUT_WIDTH = 0.3  # of its own height: a digit that the crop cuts off
MIN_INSIDE_HEIGHT, MIN_INSIDE_AREA = 0.35, 0.2  # of a circle: the digit in it; a zero's loose slash has less ink
MAX_LINE_WIDTH, MIN_LINE_HEIGHT = 0.12, 1.1  # of its own height, of the main part's: a box line, not a one


class Parts(NamedTuple):
    """The inked parts of an image, (N,) each: the edges of their bounding boxes in pixels, inked pixels, summed ink."""

    left: NDArray[np.float64]
    top: NDArray[np.float64]
    right: NDArray[np.float64]
    bottom: NDArray[np.float64]
    area: NDArray[np.float64]
    mass: NDArray[np.float64]


def has_several_digits(parts: Parts, main: int, height: int, width: int) -> bool:
    """Whether a part other than the main one is a digit of its own. height, width: of the image."""
    left, top, right, bottom, area, mass = parts
    tall, wide = bottom - top, right - left
    dark = mass / area >= MIN_DARKNESS * mass[main] / area[main]
    large = dark & (area >= MIN_AREA * area[main])
    large[main] = False
    if not large.any():
        return False
    # A tight crop of several digits touches them on opposite sides; a cut-off neighbour is on one side only.
    at_left, at_right, at_top, at_bottom = left <= 1, right >= width - 1, top <= 1, bottom >= height - 1
    cut_beside, cut_above = at_left | at_right, at_top | at_bottom
    whole_beside = ~cut_beside | (wide >= MIN_CUT_WIDTH * tall) & np.where(at_left, at_right[main], at_left[main])
    whole_above = ~cut_above | np.where(at_top, at_bottom[main], at_top[main])

    gap_beside = np.maximum(left[main] - right, left - right[main])
    gap_above = np.maximum(top[main] - bottom, top - bottom[main])
    size = float(tall[main])
    digit_sized = (tall >= MIN_HEIGHT * size) | (
        (gap_beside >= WIDE_GAP * size) & (tall >= MIN_FLAT_HEIGHT * size) & (wide >= MIN_HEIGHT * size)
    )
    line = (wide <= MAX_LINE_WIDTH * tall) & (tall > MIN_LINE_HEIGHT * size)
    beside = digit_sized & (gap_beside >= MIN_GAP * size) & (gap_above < 0) & ~line & whole_beside
    max_width = np.where(gap_above >= WIDE_GAP * size, MAX_WIDTH_FAR_ABOVE, MAX_WIDTH_ABOVE) * tall
    pieces_of_one = (wide <= MAX_WIDTH_OF_ONE * tall) & (wide[main] <= MAX_WIDTH_OF_ONE * size)
    above = (
        (tall >= MIN_HEIGHT_ABOVE * size)
        & (gap_above >= MIN_GAP_ABOVE * size)
        & (np.maximum(wide, wide[main] * tall / size) <= max_width)
        & ~pieces_of_one
        & whole_above
    )
    enclosed = (left > left[main]) & (right < right[main]) & (top > top[main]) & (bottom < bottom[main])
    inside = enclosed & (tall >= MIN_INSIDE_HEIGHT * size) & (area >= MIN_INSIDE_AREA * area[main])
    return bool((large & (beside | above | inside)).any())


def have_several_digits(images: NDArray[np.float32]) -> list[bool]:
    """Whether each image that looks like MNIST holds a second digit. images: (B, H, W), range [0, 1], 1 = ink."""
    count, height, width = images.shape
    if not count:
        return []
    # All images below each other, with paper between them, since a call takes longer than its work for one image.
    inked = np.zeros((count, height + 2, width), np.uint8)
    np.greater(images, INKED, out=inked[:, :height], casting="unsafe")
    part_of = cv2.connectedComponents(inked.reshape(-1, width))[1]
    # Parts are numbered from the top, so an image's highest number exceeds that of the one above it by its own parts.
    highest = np.maximum.accumulate(part_of.reshape(count, -1).max(axis=1))
    n_parts = np.diff(highest, prepend=0)
    return [
        parts > 1 and _has_several_digits(image, image_inked[:height])
        for image, image_inked, parts in zip(images, inked, n_parts.tolist(), strict=True)
    ]


def _has_several_digits(image: NDArray[np.float32], inked: NDArray[np.uint8]) -> bool:
    count, part_of, stats, _ = cv2.connectedComponentsWithStats(inked)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    mass = np.bincount(part_of.ravel(), image.ravel(), count)[1:].astype(np.float64)
    main = int((mass * np.maximum(wide, tall)).argmax())
    return has_several_digits(Parts(left, top, left + wide, top + tall, area, mass), main, *image.shape)
