"""Digits crossed out as people do, and digits that only look so: drawn onto MNIST, and read by the decoder.

What is drawn: a line, two, a cross or a zigzag, thin or as thick as the digit; and beside them the bar of a seven, the
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
from mmdigit.training.data.datasets import Digits
from mmdigit.training.data.pen import Picture
from mmdigit.training.data.photographs import photograph

CHUNK = 500  # digits a task
Random = np.random.Generator
Draw = Callable[[NDArray[np.uint8], float, Random], None]


def struck(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Strikes out the digit on the canvas, in place. canvas: 255 = ink. width: of the digit's stroke, pixels."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    size = float(max(wide, tall))
    thin = size * random.uniform(0.02, 0.06)
    pen = max(1, round(width if random.random() < 0.3 else thin))
    centre = np.array([left + wide * random.uniform(0.35, 0.65), top + tall * random.uniform(0.35, 0.65)])

    def line(angle: float, middle: NDArray[np.float64]) -> None:
        way = np.array([np.cos(angle), -np.sin(angle)])
        reach = min(wide / 2 / max(abs(way[0]), 1e-6), tall / 2 / max(abs(way[1]), 1e-6))
        first, last = reach + random.uniform(0.03, 0.3, 2) * size
        steps = np.linspace(-first, last, 8)
        bend = random.normal(0, 0.02) * size * (1 - (2 * (steps + first) / (first + last) - 1) ** 2)
        points = middle + steps[:, None] * way + bend[:, None] * np.array([way[1], -way[0]])
        _polyline(canvas, points, pen)

    kind = random.random()
    slant = float(np.deg2rad(random.choice([-1, 1], p=(0.35, 0.65)) * random.uniform(20, 85)))
    if kind < 0.25:
        line(float(np.deg2rad(random.normal(0, 9))), centre)
    elif kind < 0.65:
        line(slant, centre)
    elif kind < 0.78:
        angle = float(np.deg2rad(random.uniform(-25, 65)))
        apart = np.array([np.sin(angle), np.cos(angle)]) * size * random.uniform(0.05, 0.12)
        line(angle, centre - apart)
        line(angle, centre + apart)
    elif kind < 0.9:
        line(float(np.deg2rad(random.uniform(30, 65))), centre)
        line(float(np.deg2rad(-random.uniform(30, 65))), centre)
    else:
        count = int(random.integers(4, 8))
        across = np.linspace(left - 0.1 * size, left + wide + 0.1 * size, count)
        swing = random.uniform(0.2, 0.45) * tall
        down = centre[1] + np.where(np.arange(count) % 2, -swing, swing) + random.normal(0, 0.04, count) * size
        _polyline(canvas, np.stack([across, down], axis=1), pen)


def untouched(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Leaves the digit a digit: as it is, underlined, or with a dot or comma behind it. As struck."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    size, pen, kind = float(max(wide, tall)), max(1, round(width * random.uniform(0.4, 1.1))), random.random()
    if kind < 0.12:
        level = top + tall + random.uniform(0.03, 0.25) * size
        ends = left + random.uniform(-0.3, 0.1) * size, left + wide + random.uniform(-0.1, 0.3) * size
        _polyline(canvas, np.array([[ends[0], level], [ends[1], level + random.normal(0, 0.04) * size]]), pen)
    elif kind < 0.2:
        start = np.array([left + wide + random.uniform(0.05, 0.25) * size, top + tall * random.uniform(0.85, 1.05)])
        _polyline(canvas, np.array([start, start + size * random.uniform((-0.12, 0.0), (0.0, 0.2))]), pen)


def barred(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Gives a seven its bar. As struck."""
    left, top, _, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    row = int(top + tall * random.uniform(0.38, 0.66))
    columns = np.flatnonzero(canvas[row] > 127)
    middle = float(columns.mean()) if columns.size else float(left)
    reach, tilt = random.uniform(0.13, 0.34, 2) * tall, random.normal(0, 0.07) * tall
    pen = max(1, round(width * random.uniform(0.5, 1.1)))
    _polyline(canvas, np.array([[middle - reach[0], row + tilt], [middle + reach[1], row - tilt]]), pen)


def slashed(canvas: NDArray[np.uint8], width: float, random: Random) -> None:
    """Gives a zero its slash, as long as the zero is wide or a little longer. As struck."""
    left, top, wide, tall = cv2.boundingRect((canvas > 127).astype(np.uint8))
    angle = float(np.deg2rad(random.uniform(30, 72)))
    way, centre = np.array([np.cos(angle), -np.sin(angle)]), np.array([left + wide / 2, top + tall / 2])
    reach = random.uniform(0.75, 1.3) / float(np.hypot(way[0] / (wide / 2), way[1] / (tall / 2)))
    pen = max(1, round(width * random.uniform(0.4, 1.1)))
    _polyline(canvas, np.array([centre - reach * way, centre + reach * way]), pen)


def pictures(
    digits: Digits, strike: bool, share: tuple[float, float, float], seed: int, workers: int = 1
) -> NDArray[np.uint8]:
    """Each digit once as the decoder gives it, (N, 28, 28), uint8, 255 = ink, all struck through or none.

    share: of clean crops, of photographs, and of pictures like MNIST's own; sum 1. Where the decoder finds no digit,
    the picture is all zeros. Depends on digits, share and seed, not on the number of workers.
    """
    starts = range(0, digits.labels.size, CHUNK)
    tasks = [(digits.pictures[at : at + CHUNK], digits.labels[at : at + CHUNK], [seed, at]) for at in starts]
    read = partial(_read, strike=strike, share=share)
    if workers == 1:
        return np.concatenate([read(task) for task in tasks])
    with ProcessPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(read, tasks)))


def _read(
    task: tuple[NDArray[np.uint8], NDArray[np.int64], list[int]], strike: bool, share: tuple[float, float, float]
) -> NDArray[np.uint8]:
    drawn, labels, seed = task
    random, made = np.random.default_rng(seed), np.empty_like(drawn)
    for row, (picture, label) in enumerate(zip(drawn, labels, strict=True)):
        draw = struck if strike else _as_it_is(int(label), random)
        kind = random.choice(3, p=share)
        if kind == 1:
            crop, _ = photograph(_small(picture, draw, random), drawn, random, label=None if strike else int(label))
            digit = normalize(crop)
        elif kind == 2:
            digit = normalize(np.asarray(_small(picture, draw, random) / np.float32(255), np.float32), True)
        else:
            digit = normalize(_crop(picture, draw, random))
        made[row] = np.round(digit * 255)
    return made


def _as_it_is(label: int, random: Random) -> Draw:
    if label == 7 and random.random() < 0.6:
        return barred
    if label == 0 and random.random() < 0.5:
        return slashed
    return untouched


def _small(picture: Picture, draw: Draw, random: Random) -> Picture:
    """Drawn over at four times the resolution, as far as MNIST's frame reaches."""
    large = np.asarray(cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
    draw(large, 4 * 2.2, random)
    return np.asarray(cv2.resize(large, (IMAGE_SIDE, IMAGE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _crop(picture: Picture, draw: Draw, random: Random) -> Grey:
    """A crop of a size as sent, with margins, on even or sloping light."""
    height = float(np.exp(random.uniform(np.log(26), np.log(160))))
    scale = height / 20
    canvas = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
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


def _polyline(canvas: NDArray[np.uint8], points: NDArray[np.float64], width: int) -> None:
    cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
