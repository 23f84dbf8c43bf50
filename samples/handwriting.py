"""Draws a stroke template as a person might: another slant, width, pressure, paper and ink each time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from samples.strokes import Stroke, Template

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

SIZES_PX = ((28, 28), (28, 28), (32, 40), (48, 48), (56, 72), (64, 64), (72, 96), (96, 96), (90, 120), (120, 160))
"""(width, height) of the pictures, drawn by chance."""
POINTS_PER_SPAN = 12
"""Points between two neighbours of a template: spans stay under 2 px apart in the largest picture."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How one character is written. Lengths are parts of the character's height."""

    slant: float
    """x shift per height, > 0 leans to the right."""
    stretch: float
    """Width against the template's."""
    rotation_rad: float
    wobble: float
    """Standard deviation of each point's place."""
    pen: float
    """Width of the line."""
    pressure: float
    """How much the line's width changes along a stroke, 0-1."""


def some_hand(rng: np.random.Generator) -> Hand:
    """A hand drawn by chance, within what stays legible."""
    return Hand(
        slant=rng.uniform(-0.08, 0.30),
        stretch=rng.uniform(0.80, 1.15),
        rotation_rad=rng.normal(0.0, 0.05),
        wobble=rng.uniform(0.006, 0.018),
        pen=rng.uniform(0.055, 0.125),
        pressure=rng.uniform(0.1, 0.45),
    )


def draw(template: Template, rng: np.random.Generator) -> Pixels:
    """One picture of the template.

    Returns (height, width) grey or (height, width, 3) RGB, uint8, of one of SIZES_PX; either dark ink on light paper
    or light on dark. The same template and generator state give the same picture.
    """
    width, height = SIZES_PX[rng.integers(len(SIZES_PX))]
    hand = some_hand(rng)
    lines = [_write(stroke, hand, rng) for stroke in template]
    lines = _place(lines, width, height, hand, rng)
    ink = _ink(lines, width, height)
    style = rng.choice(("dark", "paper", "blue"), p=(0.35, 0.45, 0.20))
    if style == "dark":  # as MNIST: light on plain black
        return _pixels(ink * rng.uniform(215.0, 255.0))
    paper = _paper(width, height, rng)  # (H, W)
    if style == "paper":
        darkness = rng.uniform(0.72, 0.95)
        return _pixels(paper * (1.0 - darkness * ink))
    tint = np.array([1.0, 0.985, 0.95])
    absorbed = np.array([0.88, 0.78, 0.38]) * rng.uniform(0.9, 1.0)
    return _pixels((paper[..., None] * tint) * (1.0 - absorbed * ink[..., None]))


def _write(stroke: Stroke, hand: Hand, rng: np.random.Generator) -> Floats:
    """The pen's way along a stroke. Returns (n, 3): x, y, and the line's width there."""
    points = np.array(stroke)
    moved = points + rng.normal(0.0, hand.wobble, points.shape)
    corners = np.all(points[1:] == points[:-1], axis=1).nonzero()[0] + 1
    moved[corners] = moved[corners - 1]
    way = _catmull_rom(moved)
    x = way[:, 0] * hand.stretch + hand.slant * (0.5 - way[:, 1])
    cos, sin = np.cos(hand.rotation_rad), np.sin(hand.rotation_rad)
    turned = np.stack([cos * x - sin * way[:, 1], sin * x + cos * way[:, 1]], axis=1)
    along = np.linspace(0.0, 1.0, len(way))
    swing = np.sin(2.0 * np.pi * (along * rng.uniform(0.5, 1.6) + rng.uniform()))
    lift = 1.0 - 0.45 * hand.pressure * (np.exp(-along / 0.06) + np.exp(-(1.0 - along) / 0.06))
    return np.column_stack([turned, hand.pen * (1.0 + hand.pressure * 0.5 * swing) * lift])


def _catmull_rom(points: Floats) -> Floats:
    """A smooth line through points (n, 2), POINTS_PER_SPAN a span. Source: Catmull and Rom, 1974, uniform form."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0.0, 1.0, POINTS_PER_SPAN, endpoint=False)[:, None]
    spans = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        if np.array_equal(start, end):
            continue
        spans.append(
            start
            + 0.5 * t * (end - before)
            + t**2 * (before - 2.5 * start + 2.0 * end - 0.5 * after)
            + 0.5 * t**3 * (-before + 3.0 * start - 3.0 * end + after)
        )
    return np.concatenate([*spans, points[-1:]])


def _place(lines: list[Floats], width: int, height: int, hand: Hand, rng: np.random.Generator) -> list[Floats]:
    """Scale the character to 55-80 % of the picture and set it near the middle; from here on lengths are pixels."""
    every = np.concatenate(lines)
    low, high = every[:, :2].min(axis=0), every[:, :2].max(axis=0)
    extent = high - low + hand.pen
    scale = rng.uniform(0.55, 0.80) * min(height / extent[1], width / extent[0])
    room = np.maximum(np.array([width, height]) - scale * extent - 2.0, 0.0)
    middle = np.array([width, height]) / 2.0 + room * rng.uniform(-0.22, 0.22, 2)
    placed = []
    for line in lines:
        xy = (line[:, :2] - (low + high) / 2.0) * scale + middle
        placed.append(np.column_stack([xy, np.maximum(line[:, 2] * scale, 1.3)]))
    return placed


def _ink(lines: list[Floats], width: int, height: int) -> Floats:
    """How much of each pixel is covered. Returns (height, width), range [0, 1]."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    ink = np.zeros((height, width))
    for line in lines:
        for (x0, y0, w0), (x1, y1, w1) in pairwise(line):
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
            distance = np.hypot(x - x0 - t * dx, y - y0 - t * dy)
            ink = np.maximum(ink, np.clip((w0 + t * (w1 - w0)) / 2.0 - distance + 0.5, 0.0, 1.0))
    return ink


def _paper(width: int, height: int, rng: np.random.Generator) -> Floats:
    """Light paper: slow shading from a lamp on one side, and fine grain. Returns (height, width), range [150, 255]."""
    y, x = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    shading = rng.uniform(0.0, 18.0) * (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5))
    grain = rng.normal(0.0, rng.uniform(0.5, 2.5), (height, width))
    grain = (grain + np.roll(grain, 1, axis=1)) / 2.0  # fibres lie along the line
    paper: Floats = np.clip(rng.uniform(205.0, 248.0) + shading + grain, 150.0, 255.0)
    return paper


def _pixels(grey: Floats) -> Pixels:
    return np.clip(np.rint(grey), 0.0, 255.0).astype(np.uint8)
