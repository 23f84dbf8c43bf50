"""What else of a digit's size stands in a crop: one picture may hold one digit only.

Judged by the boxes of the inked parts alone, which are known anyway. What is no second digit: dots and commas (small),
a neighbour cut by the crop's edge (it touches the edge, and the digit leaves the other edge free), the bar of a five
(above, and flat), a digit in two pieces (nearer, or not as tall), the slash or dot within a zero (thin or small). A
digit with a circle around it is two parts of a digit's size.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# In parts of the main part's height, unless it says otherwise. Chosen on rendered digits of MNIST's training writers.
AS_TALL = 0.6  # as a digit beside it at least
AS_FLAT = 0.35  # the same where the room between them is wide and the part at least AS_TALL wide
APART = 0.06  # a digit beside it leaves so much room at least, and a piece of the digit itself seldom
WIDE_ROOM = 0.15
AS_TALL_ABOVE = 0.55  # as a digit above or below it at least; halves of one digit are wider than tall
APART_ABOVE = 0.03
SLIM, STOUT = 1.25, 1.7  # at most so wide, in parts of its height, is a digit above or below another; with wide room
INKED = 0.3  # of full ink, where the parts of a picture that is passed unchanged are told apart
THIN = 0.3  # at most so wide, in parts of their height, are two pieces of a one
LEAST_AREA = 0.12  # of the main part's inked area; a thin one beside a bold eight has so much
LEAST_DARKNESS = 0.5  # of the main part's; the other side of the sheet shines through fainter
CUT_WIDTH = 0.3  # of its own height is a digit wide that the crop's edge cuts
INSIDE_TALL, INSIDE_AREA = 0.35, 0.2  # of a circle is a digit in it at least; a loose slash of a zero has less ink
LINE_WIDTH, LINE_TALL = 0.12, 1.1  # of its own height, and of the main part's: a box line, no one


class Parts(NamedTuple):
    """The inked parts of a picture, each (N,): the edges of their boxes, pixels, inked pixels, and summed ink."""

    left: NDArray[np.float64]
    top: NDArray[np.float64]
    right: NDArray[np.float64]
    bottom: NDArray[np.float64]
    area: NDArray[np.float64]
    mass: NDArray[np.float64]


def holds_several(parts: Parts, main: int, height: int, width: int) -> bool:
    """Whether another part than the main one is a digit of its own. height, width: of the picture."""
    left, top, right, bottom, area, mass = parts
    tall, wide = bottom - top, right - left
    dark = mass / area >= LEAST_DARKNESS * mass[main] / area[main]
    large = dark & (area >= LEAST_AREA * area[main])
    large[main] = False
    if not large.any():
        return False
    # A crop cut close to several digits touches them on opposite sides; a neighbour's edge is there on one side only.
    at_left, at_right, at_top, at_bottom = left <= 1, right >= width - 1, top <= 1, bottom >= height - 1
    cut_beside, cut_above = at_left | at_right, at_top | at_bottom
    whole_beside = ~cut_beside | (wide >= CUT_WIDTH * tall) & np.where(at_left, at_right[main], at_left[main])
    whole_above = ~cut_above | np.where(at_top, at_bottom[main], at_top[main])

    room_beside = np.maximum(left[main] - right, left - right[main])
    room_above = np.maximum(top[main] - bottom, top - bottom[main])
    size = float(tall[main])
    as_large = (tall >= AS_TALL * size) | (
        (room_beside >= WIDE_ROOM * size) & (tall >= AS_FLAT * size) & (wide >= AS_TALL * size)
    )
    line = (wide <= LINE_WIDTH * tall) & (tall > LINE_TALL * size)
    beside = as_large & (room_beside >= APART * size) & (room_above < 0) & ~line & whole_beside
    slim = np.where(room_above >= WIDE_ROOM * size, STOUT, SLIM) * tall
    one_in_two = (wide <= THIN * tall) & (wide[main] <= THIN * size)
    above = (
        (tall >= AS_TALL_ABOVE * size)
        & (room_above >= APART_ABOVE * size)
        & (np.maximum(wide, wide[main] * tall / size) <= slim)
        & ~one_in_two
        & whole_above
    )
    enclosed = (left > left[main]) & (right < right[main]) & (top > top[main]) & (bottom < bottom[main])
    inside = enclosed & (tall >= INSIDE_TALL * size) & (area >= INSIDE_AREA * area[main])
    return bool((large & (beside | above | inside)).any())


def several_unchanged(image: NDArray[np.float32]) -> bool:
    """The same of a picture that is passed unchanged, (height, width), range [0, 1], 1 = ink."""
    inked = (image > INKED).view(np.uint8)
    if cv2.connectedComponents(inked)[0] < 3:  # paper and one part, as nearly always
        return False
    count, places, stats, _ = cv2.connectedComponentsWithStats(inked)
    left, top, wide, tall, area = stats[1:].T.astype(np.float64)
    mass = np.bincount(places.ravel(), image.ravel(), count)[1:].astype(np.float64)
    main = int((mass * np.maximum(wide, tall)).argmax())
    return holds_several(Parts(left, top, left + wide, top + tall, area, mass), main, *image.shape)
