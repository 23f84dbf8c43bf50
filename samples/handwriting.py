"""Draws stroke templates as handwriting: slant, width, pressure, paper and ink vary each time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from samples.strokes import Stroke, Template

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

SIZES_PX = ((28, 28), (28, 28), (32, 40), (48, 48), (56, 72), (64, 64), (72, 96), (96, 96), (90, 120), (120, 160))
"""(width, height) of the images, chosen at random."""
POINTS_PER_SPAN = 12
"""Points between two points of a template: they stay under 2 px apart in the largest image."""


@dataclass(frozen=True, slots=True)
class WritingStyle:
    """How one character is written. Lengths are fractions of the character's height."""

    slant: float
    """Horizontal shift per height; above 0 leans to the right."""
    stretch: float
    """Width relative to the template's."""
    rotation_rad: float
    wobble: float
    """Standard deviation of each point's position."""
    pen: float
    """Width of the line."""
    pressure: float
    """How much the width of the line changes along a stroke, range [0, 1]."""


def random_style(rng: np.random.Generator) -> WritingStyle:
    """A random style that stays legible."""
    return WritingStyle(
        slant=rng.uniform(-0.08, 0.30),
        stretch=rng.uniform(0.80, 1.15),
        rotation_rad=rng.normal(0.0, 0.05),
        wobble=rng.uniform(0.006, 0.018),
        pen=rng.uniform(0.055, 0.125),
        pressure=rng.uniform(0.1, 0.45),
    )


def draw_ink(template: Template, width: int, height: int, style: WritingStyle, rng: np.random.Generator) -> Floats:
    """The share of each pixel that ink covers, (height, width), range [0, 1]."""
    lines = [_write(stroke, style, rng) for stroke in template]
    return _render_ink(_position(lines, width, height, style, rng), width, height)


def draw(template: Template, rng: np.random.Generator) -> Pixels:
    """Draw one image of the template.

    Returns (height, width) grey or (height, width, 3) RGB, uint8, of one of SIZES_PX; dark ink on light paper, or light
    on dark. The same template and generator state give the same image.
    """
    width, height = SIZES_PX[rng.integers(len(SIZES_PX))]
    style = random_style(rng)
    ink = draw_ink(template, width, height, style, rng)
    colours = rng.choice(("mnist", "pencil", "blue"), p=(0.35, 0.45, 0.20))
    if colours == "mnist":  # light on plain black
        return _to_pixels(ink * rng.uniform(215.0, 255.0))
    paper = _render_paper(width, height, rng)  # (H, W)
    if colours == "pencil":
        darkness = rng.uniform(0.72, 0.95)
        return _to_pixels(paper * (1.0 - darkness * ink))
    tint = np.array([1.0, 0.985, 0.95])
    absorbed = np.array([0.88, 0.78, 0.38]) * rng.uniform(0.9, 1.0)
    return _to_pixels((paper[..., None] * tint) * (1.0 - absorbed * ink[..., None]))


def _write(stroke: Stroke, style: WritingStyle, rng: np.random.Generator) -> Floats:
    """The path of the pen along a stroke. Returns (n, 3): x, y, and the width of the line there."""
    points = np.array(stroke)
    moved = points + rng.normal(0.0, style.wobble, points.shape)
    corners = np.all(points[1:] == points[:-1], axis=1).nonzero()[0] + 1
    moved[corners] = moved[corners - 1]
    path = _catmull_rom(moved)
    x = path[:, 0] * style.stretch + style.slant * (0.5 - path[:, 1])
    cos, sin = np.cos(style.rotation_rad), np.sin(style.rotation_rad)
    rotated = np.stack([cos * x - sin * path[:, 1], sin * x + cos * path[:, 1]], axis=1)
    along = np.linspace(0.0, 1.0, len(path))
    swing = np.sin(2.0 * np.pi * (along * rng.uniform(0.5, 1.6) + rng.uniform()))
    lift = 1.0 - 0.45 * style.pressure * (np.exp(-along / 0.06) + np.exp(-(1.0 - along) / 0.06))
    return np.column_stack([rotated, style.pen * (1.0 + style.pressure * 0.5 * swing) * lift])


def _catmull_rom(points: Floats) -> Floats:
    """A smooth curve through points (n, 2), POINTS_PER_SPAN for each span. Source: Catmull and Rom, 1974, uniform."""
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


def _position(
    lines: list[Floats], width: int, height: int, style: WritingStyle, rng: np.random.Generator
) -> list[Floats]:
    """Scale the character to 55-80 % of the image and put it near the middle; the result is in pixels."""
    points = np.concatenate(lines)
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    extent = high - low + style.pen
    scale = rng.uniform(0.55, 0.80) * min(height / extent[1], width / extent[0])
    room = np.maximum(np.array([width, height]) - scale * extent - 2.0, 0.0)
    middle = np.array([width, height]) / 2.0 + room * rng.uniform(-0.22, 0.22, 2)
    positioned = []
    for line in lines:
        xy = (line[:, :2] - (low + high) / 2.0) * scale + middle
        positioned.append(np.column_stack([xy, np.maximum(line[:, 2] * scale, 1.3)]))
    return positioned


def _render_ink(lines: list[Floats], width: int, height: int) -> Floats:
    """The share of each pixel that ink covers, (height, width), range [0, 1]."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    ink = np.zeros((height, width))
    for line in lines:
        for (x0, y0, w0), (x1, y1, w1) in pairwise(line):
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
            distance = np.hypot(x - x0 - t * dx, y - y0 - t * dy)
            ink = np.maximum(ink, np.clip((w0 + t * (w1 - w0)) / 2.0 - distance + 0.5, 0.0, 1.0))
    return ink


def _render_paper(width: int, height: int, rng: np.random.Generator) -> Floats:
    """Light paper with gradual shading from one side and fine grain, (height, width), range [150, 255]."""
    y, x = np.mgrid[0:height, 0:width]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    shading = rng.uniform(0.0, 18.0) * (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5))
    grain = rng.normal(0.0, rng.uniform(0.5, 2.5), (height, width))
    grain = (grain + np.roll(grain, 1, axis=1)) / 2.0  # fibres run along the rows
    paper: Floats = np.clip(rng.uniform(205.0, 248.0) + shading + grain, 150.0, 255.0)
    return paper


def _to_pixels(grey: Floats) -> Pixels:
    return np.clip(np.rint(grey), 0.0, 255.0).astype(np.uint8)
