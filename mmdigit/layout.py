"""What else of a digit's size stands in a crop: one picture may hold one digit only.

Judged by the boxes of the inked parts alone, which are known anyway. What is no second digit: dots and commas (small),
a neighbour cut by the crop's edge (it touches the edge, and the digit leaves the other edge free), the bar of a five
(above, and flat), a digit in two pieces (nearer, or not as tall).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# In parts of the main part's height, unless it says otherwise.
AS_TALL = 0.6  # as a digit beside it at least
APART = 0.06  # a digit beside it leaves so much room at least, and a piece of the digit itself seldom
ABOVE = 0.55  # the same two for a digit above or below it; halves of one digit are wider than tall
APART_ABOVE = 0.03
SLIM = 1.25  # at most this wide, in parts of its height, is a digit above or below another
LEAST_AREA = 0.12  # of the main part's inked area; a thin one beside a bold eight has so much
LEAST_DARKNESS = 0.5  # of the main part's; the other side of the sheet shines through fainter
CUT_WIDTH = 0.3  # of its own height is a digit wide that the crop's edge cuts


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
    beside = (room_beside >= APART * size) & (tall >= AS_TALL * size) & (room_above < 0) & whole_beside
    above = (
        (room_above >= APART_ABOVE * size)
        & (tall >= ABOVE * size)
        & (wide <= SLIM * tall)
        & (wide[main] <= SLIM * tall[main])
        & whole_above
    )
    return bool((large & (beside | above)).any())
