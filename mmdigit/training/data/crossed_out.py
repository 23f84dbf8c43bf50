"""Renders MNIST digits that are crossed out, and digits with harmless marks, as the decoder reads them.

Crossed out: by a line, two lines, a cross or a zigzag, thin or as thick as the digit. Harmless: the bar of a seven, the
slash of a zero, an underline, a dot, a comma.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.image.normalize import normalize
from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data.photographs import photograph
from mmdigit.training.data.render_ink import DigitImage
from mmdigit.training.data.splits import Digits

CHUNK = 500  # digits per task
Random = np.random.Generator
DrawMark = Callable[[NDArray[np.uint8], float, Random], None]
"""Draws on the canvas in place. canvas: 255 = ink; width: of the digit's stroke in pixels."""


def cross_out(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Cross out the digit on the canvas, in place. canvas: (H, W), 255 = ink; width: of the pen, in pixels."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    size = float(max(wide, tall))
    thin = size * random.uniform(0.02, 0.06)
    pen = max(1, round(width if random.random() < 0.3 else thin))
    centre = np.array([left + wide * random.uniform(0.35, 0.65), top + tall * random.uniform(0.35, 0.65)])

    def line(angle: float, centre: NDArray[np.float64]) -> None:
        direction = np.array([np.cos(angle), -np.sin(angle)])
        reach = min(wide / 2 / max(abs(direction[0]), 1e-6), tall / 2 / max(abs(direction[1]), 1e-6))
        first, last = reach + random.uniform(0.03, 0.3, 2) * size
        steps = np.linspace(-first, last, 8)
        bend = random.normal(0, 0.02) * size * (1 - (2 * (steps + first) / (first + last) - 1) ** 2)
        points = centre + steps[:, None] * direction + bend[:, None] * np.array([direction[1], -direction[0]])
        _draw_polyline(canvas, points, pen)

    kind = random.random()
    slant = float(np.deg2rad(random.choice([-1, 1], p=(0.35, 0.65)) * random.uniform(20, 85)))
    if kind < 0.25:
        line(float(np.deg2rad(random.normal(0, 9))), centre)
    elif kind < 0.65:
        line(slant, centre)
    elif kind < 0.78:
        angle = float(np.deg2rad(random.uniform(-25, 65)))
        offset = np.array([np.sin(angle), np.cos(angle)]) * size * random.uniform(0.05, 0.12)
        line(angle, centre - offset)
        line(angle, centre + offset)
    elif kind < 0.9:
        line(float(np.deg2rad(random.uniform(30, 65))), centre)
        line(float(np.deg2rad(-random.uniform(30, 65))), centre)
    else:
        count = int(random.integers(4, 8))
        across = np.linspace(left - 0.1 * size, left + wide + 0.1 * size, count)
        swing = random.uniform(0.2, 0.45) * tall
        down = centre[1] + np.where(np.arange(count) % 2, -swing, swing) + random.normal(0, 0.04, count) * size
        _draw_polyline(canvas, np.stack([across, down], axis=1), pen)


def add_harmless_mark(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Underlines some digits and adds a dot or comma after others; leaves most of them alone."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    size, pen, kind = float(max(wide, tall)), max(1, round(width * random.uniform(0.4, 1.1))), random.random()
    if kind < 0.12:
        level = top + tall + random.uniform(0.03, 0.25) * size
        ends = left + random.uniform(-0.3, 0.1) * size, left + wide + random.uniform(-0.1, 0.3) * size
        _draw_polyline(canvas, np.array([[ends[0], level], [ends[1], level + random.normal(0, 0.04) * size]]), pen)
    elif kind < 0.2:
        start = np.array([left + wide + random.uniform(0.05, 0.25) * size, top + tall * random.uniform(0.85, 1.05)])
        _draw_polyline(canvas, np.array([start, start + size * random.uniform((-0.12, 0.0), (0.0, 0.2))]), pen)


def add_bar(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Adds the bar of a seven."""
    left, top, _, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    row = int(top + tall * random.uniform(0.38, 0.66))
    columns = np.flatnonzero(canvas[row] > 127)
    centre = float(columns.mean()) if columns.size else float(left)
    reach, tilt = random.uniform(0.13, 0.34, 2) * tall, random.normal(0, 0.07) * tall
    pen = max(1, round(width * random.uniform(0.5, 1.1)))
    _draw_polyline(canvas, np.array([[centre - reach[0], row + tilt], [centre + reach[1], row - tilt]]), pen)


def add_slash(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Adds the slash of a zero, as long as the zero is wide or a little longer."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    angle = float(np.deg2rad(random.uniform(30, 72)))
    direction, centre = np.array([np.cos(angle), -np.sin(angle)]), np.array([left + wide / 2, top + tall / 2])
    reach = random.uniform(0.75, 1.3) / float(np.hypot(direction[0] / (wide / 2), direction[1] / (tall / 2)))
    pen = max(1, round(width * random.uniform(0.4, 1.1)))
    _draw_polyline(canvas, np.array([centre - reach * direction, centre + reach * direction]), pen)


def render_digits(
    digits: Digits, crossed_out: bool, shares: tuple[float, float, float], seed: int, workers: int = 1
) -> NDArray[np.uint8]:
    """Each digit once as the decoder reads it, (N, 28, 28), uint8, 255 = ink; all crossed out, or none.

    shares: of clean crops, of photographs, and of images in MNIST's own format; sum 1. Where the decoder finds no
    digit, the image is all zeros. Depends on digits, shares and seed, not on the number of workers.
    """
    starts = range(0, digits.labels.size, CHUNK)
    tasks = [(digits.images[at : at + CHUNK], digits.labels[at : at + CHUNK], [seed, at]) for at in starts]
    render_chunk = partial(_render_chunk, crossed_out=crossed_out, shares=shares)
    if workers == 1:
        return np.concatenate([render_chunk(task) for task in tasks])
    with ProcessPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(render_chunk, tasks)))


def _render_chunk(
    task: tuple[NDArray[np.uint8], NDArray[np.int64], list[int]], crossed_out: bool, shares: tuple[float, float, float]
) -> NDArray[np.uint8]:
    images, labels, seed = task
    random, made = np.random.default_rng(seed), np.empty_like(images)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        draw = cross_out if crossed_out else _choose_mark(int(label), random)
        kind = random.choice(3, p=shares)
        if kind == 1:
            crop, _ = photograph(
                _draw_at_mnist_size(image, draw, random), images, random, label=None if crossed_out else int(label)
            )
            digit = normalize(crop)
        elif kind == 2:
            digit = normalize(np.asarray(_draw_at_mnist_size(image, draw, random) / np.float32(255), np.float32), True)
        else:
            digit = normalize(_render_crop(image, draw, random))
        made[row] = np.round(digit * 255)
    return made


def _choose_mark(label: int, random: Random) -> DrawMark:
    if label == 7 and random.random() < 0.6:
        return add_bar
    if label == 0 and random.random() < 0.5:
        return add_slash
    return add_harmless_mark


def _draw_at_mnist_size(image: DigitImage, draw: DrawMark, random: Random) -> DigitImage:
    """Draws the mark at four times MNIST's resolution, within MNIST's frame, and scales back to (28, 28)."""
    large = np.asarray(cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
    draw(large, 4 * 2.2, random)
    return np.asarray(cv2.resize(large, (IMAGE_SIDE, IMAGE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _render_crop(image: DigitImage, draw: DrawMark, random: Random) -> Grey:
    """Draws the mark on a crop of a size that users send, with margins, in light that falls off to one side."""
    height = float(np.exp(random.uniform(np.log(26), np.log(160))))
    scale = height / 20
    canvas = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    if random.random() < 0.5:
        canvas = (np.clip((canvas / 255 - 0.5) * max(scale, 1) + 0.5, 0, 1) * 255).astype(np.uint8)
    canvas = np.pad(canvas, round(0.35 * height))
    draw(canvas, height * random.uniform(0.07, 0.13), random)
    left, top, wide, tall = cv2.boundingRect((canvas > 60).astype(np.uint8))
    above, below, before, behind = (random.uniform(0.02, 0.4, 4) * height).astype(int)
    ink = canvas[max(0, top - above) : top + tall + below, max(0, left - before) : left + wide + behind] / 255
    grey = random.uniform(0.75, 1) * (1 - random.uniform(0.45, 0.95) * ink) * np.linspace(1, 0.8, ink.shape[1])
    if random.random() < 0.4:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), random.uniform(0.4, 1.2)), np.float64)
    grey = np.clip(grey + random.normal(0, random.uniform(0, 0.02), grey.shape), 0, 1)
    return np.asarray(1 - grey if random.random() < 0.2 else grey, np.float32)


def _draw_polyline(canvas: NDArray[np.uint8], points: NDArray[np.float64], width: int) -> None:
    cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
