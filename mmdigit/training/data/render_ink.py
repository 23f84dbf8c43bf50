"""Renders a digit's ink: its stroke with another pen, ones and sevens as written in Europe, pressure and gaps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data.render_paper import Layout, Mask, blur, sigmoid, smooth_noise

DigitImage = NDArray[np.uint8]  # (28, 28), 255 = ink

SKELETON_SCALE = 3  # the stroke's skeleton is found at three times MNIST's resolution


def stroke(
    image: DigitImage,
    warp: Grey,
    layout: Layout,
    pen: float | None,
    bias: float,
    style: int | None,
    random: np.random.Generator,
) -> Mask:
    """The digit's stroke on the canvas with crisp edges, (height, width), 1 = ink.

    image: (28, 28), 255 = ink. warp: (2, 3), the affine map from MNIST pixels (x, y) to the canvas.
    pen: the width in MNIST pixels of a pen drawn along the stroke's skeleton; None = MNIST's own stroke, thresholded at
    the grey level `bias`. style: the digit, to add the European strokes that MNIST rarely has; None = add none.
    """
    enlarged = cv2.resize(image, None, fx=SKELETON_SCALE, fy=SKELETON_SCALE, interpolation=cv2.INTER_CUBIC)
    large = np.asarray(enlarged, np.uint8)
    if style is not None:
        large = _add_european_strokes(large, style, random)
    to_large = np.array([[1 / SKELETON_SCALE, 0, -1 / SKELETON_SCALE], [0, 1 / SKELETON_SCALE, -1 / SKELETON_SCALE]])
    matrix = (np.vstack([warp, [0, 0, 1]]) @ np.vstack([to_large, [0, 0, 1]]))[:2].astype(np.float32)
    size = (layout.width, layout.height)
    wobble = smooth_noise(4, layout, random)
    if pen is None:
        field = cv2.warpAffine(large.astype(np.float32) / 255, matrix, size, flags=cv2.INTER_LINEAR)
        return sigmoid(np.asarray((field - bias - 0.06 * wobble) * layout.scale * 3, np.float32))
    # Bounded, because the distance is infinite where there is no skeleton.
    steps = np.minimum(cv2.distanceTransform(255 - _skeleton(large), cv2.DIST_L2, 5), 99 * SKELETON_SCALE)
    distance = blur(np.asarray(steps / SKELETON_SCALE, np.float32), 1.0)  # MNIST pixels
    field = cv2.warpAffine(distance, matrix, size, flags=cv2.INTER_LINEAR, borderValue=99.0)
    edge = pen / 2 * (1 + 0.2 * wobble) + 0.2  # the blur raises the distance on the skeleton by about 0.2
    return sigmoid(np.asarray((edge - field) * max(layout.scale, 1.0) * 3, np.float32))


def texture(layout: Layout, pencil: bool, faded: bool, random: np.random.Generator) -> Mask:
    """How dark the ink is at each pixel, (height, width), range [0, 1]: pressure, paper grain, gaps."""
    pressure = smooth_noise(5, layout, random)
    dark = 1 - random.uniform(0, 0.3 if pencil or faded else 0.15) * (1 + pressure)
    grain = random.uniform(0.2, 0.8) if pencil else random.uniform(0, 0.25)
    tooth = random.random((layout.height, layout.width), np.float32)
    fineness = max(0.4, 0.012 * layout.digit * random.uniform(0.5, 1.5))
    tooth = blur(tooth, fineness)
    tooth = (tooth - tooth.mean()) / (tooth.std() + 1e-6)
    dark = dark * (1 - grain * np.clip(0.5 + 0.6 * tooth, 0, 1))
    if random.random() < (0.2 if faded else 0.06):  # the pen skips
        dark = dark * np.clip(2.5 + pressure * 1.6, 0.0, 1)
    return np.asarray(np.clip(dark, 0, 1), np.float32)


def _add_european_strokes(large: DigitImage, label: int, random: np.random.Generator) -> DigitImage:
    """Adds a flag and sometimes a foot to a one, and a bar to a seven. large: (84, 84), the digit at SKELETON_SCALE."""
    inked = large > 127
    rows = np.flatnonzero(inked.any(axis=1))
    if rows.size < 20 or label not in (1, 7):
        return large
    height = rows[-1] - rows[0]
    width = max(2, round(SKELETON_SCALE * 1.8))
    drawn = large.copy()

    def middle(row: int) -> int:
        return int(np.median(np.flatnonzero(inked[row])))

    def draw(start: tuple[float, float], end: tuple[float, float]) -> None:
        cv2.line(drawn, tuple(map(round, start)), tuple(map(round, end)), 255, width, cv2.LINE_AA)

    if label == 1:
        columns = np.flatnonzero(inked.any(axis=0))
        if columns[-1] - columns[0] > 0.55 * height:
            return large  # already has a flag, or slants too much for one
        top = (middle(int(rows[2])), int(rows[1]))
        draw(top, (top[0] - height * random.uniform(0.12, 0.42), top[1] + height * random.uniform(0.12, 0.45)))
        if random.random() < 0.25:
            foot = (middle(int(rows[-3])), int(rows[-2]))
            reach = height * random.uniform(0.15, 0.3)
            draw((foot[0] - reach, foot[1]), (foot[0] + reach, foot[1]))
    else:
        row = int(rows[0] + height * random.uniform(0.45, 0.62))
        if not inked[row].any():
            return large
        across, reach = middle(row), height * random.uniform(0.14, 0.3)
        tilt = random.normal(0, 0.05) * height
        draw((across - reach, row + tilt), (across + reach, row - tilt))
    return drawn


_NEIGHBOURS = np.array([[1, 2, 4], [128, 0, 8], [64, 32, 16]], np.float32)  # a bit for each neighbour, clockwise


def _skeleton_table(first: bool) -> NDArray[np.uint8]:
    """For each pattern of the eight neighbours, 1 = keep the pixel. One of the two steps of Zhang and Suen 1984."""
    table = np.ones(256, np.uint8)
    for pattern in range(256):
        p9, p2, p3, p4, p5, p6, p7, p8 = (pattern >> bit & 1 for bit in (0, 1, 2, 3, 4, 5, 6, 7))
        ring = (p2, p3, p4, p5, p6, p7, p8, p9, p2)
        rises = sum(ring[i] == 0 and ring[i + 1] == 1 for i in range(8))
        corners = (p2 * p4 * p6, p4 * p6 * p8) if first else (p2 * p4 * p8, p2 * p6 * p8)
        if 2 <= sum(ring[:8]) <= 6 and rises == 1 and corners == (0, 0):
            table[pattern] = 0
    return table


_SKELETON_STEPS = (_skeleton_table(True), _skeleton_table(False))


def _skeleton(large: DigitImage) -> DigitImage:
    """The skeleton of the stroke: 255 on a line one pixel wide, by the thinning of Zhang and Suen 1984."""
    pixels = (large > 110).astype(np.uint8)
    for _ in range(20):
        before = int(pixels.sum())
        for table in _SKELETON_STEPS:
            pattern = cv2.filter2D(pixels, cv2.CV_8U, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            pixels &= table[pattern]
        if int(pixels.sum()) == before:
            break
    return pixels * np.uint8(255)
