"""Handwritten digits as strokes, and as moves of the mouse."""

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator

from samples.strokes import DIGITS, Stroke, Template

HEIGHT = 0.6  # of a written digit, in heights of the pad
POINTS_PER_SPAN = 6


def write(template: Template, rng: np.random.Generator, left: float, top: float = 0.2) -> list[list[dict[str, float]]]:
    """The strokes of a digit as the pad has them, HEIGHT tall, with the slant and wobble of a hand."""
    slant, stretch = rng.uniform(-0.05, 0.2), rng.uniform(0.85, 1.1)
    lines = [_smooth(stroke) + rng.normal(0, 0.004, (1, 2)) for stroke in template]
    lines = [np.stack([line[:, 0] * stretch + slant * (0.5 - line[:, 1]), line[:, 1]], axis=1) for line in lines]
    first = np.concatenate(lines).min(axis=0)
    return [
        [
            {"x": float(left + HEIGHT * (x - first[0])), "y": float(top + HEIGHT * (y - first[1])), "t": 10.0 * i}
            for i, (x, y) in enumerate(line)
        ]
        for line in lines
    ]


def write_by_mouse(pad: Locator, *digits: int, left: float = 0.15, gap: float = 0.2) -> None:
    """Write digits side by side. left, gap: in heights of the pad."""
    for digit in digits:
        strokes = write_strokes(pad, DIGITS[digit][0], left)
        left = max(point["x"] for stroke in strokes for point in stroke) + gap


def write_strokes(pad: Locator, template: Template, left: float = 0.15) -> list[list[dict[str, float]]]:
    """Write one template by mouse. Returns its strokes as the pad has them."""
    pad.scroll_into_view_if_needed()
    bounds = pad.bounding_box()
    assert bounds is not None
    mouse = pad.page.mouse
    strokes = write(template, np.random.default_rng(1), left)
    for stroke in strokes:
        at = [(bounds["x"] + p["x"] * bounds["height"], bounds["y"] + p["y"] * bounds["height"]) for p in stroke]
        mouse.move(*at[0])
        mouse.down()
        for x, y in at[1:]:
            mouse.move(x, y)
        mouse.up()
    return strokes


def _smooth(stroke: Stroke) -> NDArray[np.float64]:
    """The curve of Catmull and Rom through the points; a repeated point is a corner."""
    points = np.array(stroke)
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0.0, 1.0, POINTS_PER_SPAN, endpoint=False)[:, None]
    spans = [
        start
        + 0.5 * t * (end - before)
        + t**2 * (before - 2.5 * start + 2.0 * end - 0.5 * after)
        + 0.5 * t**3 * (-before + 3.0 * start - 3.0 * end + after)
        for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
        if not np.array_equal(start, end)
    ]
    return np.concatenate([*spans, points[-1:]])
