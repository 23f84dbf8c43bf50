"""Renders everything in a photograph except the ink: paper, printed lines and boxes, light and camera.

Everything drawn here and in render_ink.py fills the canvas of one crop, (height, width) of its Layout, in its pixels.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.reading.image.pixels import Grey

Mask = NDArray[np.float32]  # (height, width), range [0, 1], the share of the light that is absorbed

INVERTED_SHARE = 0.15  # of the crops are bright ink on dark paper


@dataclass(frozen=True)
class Layout:
    """The size of the canvas and the digit's box on it, in pixels of the canvas."""

    height: int
    width: int
    scale: float  # canvas pixels to one MNIST pixel
    left: float  # edges of the digit's box
    top: float
    right: float
    bottom: float

    @property
    def digit(self) -> float:
        """The digit's longest side, pixels."""
        return max(self.right - self.left, self.bottom - self.top)


def sheet(layout: Layout, old: bool, scanned: bool, random: np.random.Generator) -> Mask:
    """The light that the paper reflects relative to its tone, (height, width), about 1."""
    paper = np.ones((layout.height, layout.width), np.float32)
    if old:
        for cells, strength in ((4, 0.09), (14, 0.05)):
            paper += random.uniform(0.1, 1) * strength * smooth_noise(cells, layout, random)
    if not scanned or old:
        fibres = random.standard_normal((layout.height, layout.width), np.float32)
        fibres = blur(fibres, max(0.4, 0.01 * layout.digit))
        paper += random.uniform(0, 0.04) * fibres / (fibres.std() + 1e-6)
    return np.clip(paper, 0.2, 1.15)


def ruled_lines(layout: Layout, random: np.random.Generator) -> Mask:
    """Writing lines or a grid across the whole crop, (height, width), 1 = printed."""
    canvas = np.zeros((layout.height, layout.width), np.uint8)
    squared = random.random() < 0.35
    step = layout.digit * (random.uniform(0.3, 0.9) if squared else random.uniform(0.8, 2.2))
    width, tilt = layout.digit * random.uniform(0.008, 0.035), float(np.tan(np.deg2rad(random.normal(0, 1.5))))
    for level in np.arange(random.uniform(0, step), layout.height, step):
        _draw_line(canvas, (0, level), (layout.width, level + tilt * layout.width), width)
    if squared:
        for level in np.arange(random.uniform(0, step), layout.width, step):
            _draw_line(canvas, (level, 0), (level - tilt * layout.height, layout.height), width)
    return np.asarray(canvas / 255, np.float32)


def box_lines(layout: Layout, random: np.random.Generator) -> Mask:
    """Lines of a printed box on one to four sides, near the edges of the crop or cut by them, sometimes broken.

    Returns (height, width), 1 = printed.
    """
    canvas = np.zeros((layout.height, layout.width), np.uint8)
    width = layout.digit * float(np.exp(random.uniform(np.log(0.012), np.log(0.1))))
    sides = random.permutation(4)[: random.choice([1, 2, 3, 4], p=[0.2, 0.25, 0.2, 0.35])]
    reach = layout.digit * 0.5 * float(random.random() < 0.7)  # lines continue beyond the corner into the next box
    # From outside the crop, where half a line remains, to just inside the digit's box.
    inward = random.uniform(-0.4, 1.1) if random.random() < 0.75 else random.uniform(-0.2, 0.3)
    positions = []
    for side, room in enumerate((layout.left, layout.width - layout.right, layout.top, layout.height - layout.bottom)):
        inset = min(room, 0.5 * layout.digit) * np.clip(inward + random.normal(0, 0.15), -1, 1.15)
        inset = max(inset, -0.4 * width)
        positions.append(inset if side in (0, 2) else (layout.width if side == 1 else layout.height) - inset)
    left, right, top, bottom = positions
    tilt = float(np.tan(np.deg2rad(random.normal(0, 1.3))))
    skew = random.normal(0, 0.01, 4)
    doubled = random.random() < 0.08
    for side in sides:
        slope = tilt + skew[side]
        if side < 2:
            position = left if side == 0 else right
            start, end = (position + slope * (layout.height / 2), top - reach), (position, bottom + reach)
            end = (position - slope * (layout.height / 2), end[1])
            step = (2.5 * width * (-1 if side == 0 else 1), 0.0)
        else:
            position = top if side == 2 else bottom
            start = (left - reach, position - slope * (layout.width / 2))
            end = (right + reach, position + slope * (layout.width / 2))
            step = (0.0, 2.5 * width * (-1 if side == 2 else 1))
        _draw_line(canvas, start, end, width)
        if doubled:
            _draw_line(canvas, (start[0] + step[0], start[1] + step[1]), (end[0] + step[0], end[1] + step[1]), width)
    printed = canvas.astype(np.float32) / 255
    if random.random() < 0.25:  # broken and badly printed
        gaps = smooth_noise(7, layout, random)
        printed = printed * np.clip(1.2 + random.uniform(0.6, 1.6) * gaps, 0, 1)
    return np.asarray(printed, np.float32)


def illumination(layout: Layout, shadow: bool, random: np.random.Generator) -> Mask:
    """The light on each pixel, (height, width), range (0, 1]: a gradient, darker corners, maybe a shadow."""
    y = np.linspace(-0.5, 0.5, layout.height, dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, layout.width, dtype=np.float32)[None, :]
    angle, slope = random.uniform(0, 2 * np.pi), random.uniform(0, 0.35)
    light = 1 - slope * (0.5 + 0.7 * (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y))
    light = light * (1 - random.uniform(0, 0.25) * 2 * (x * x + y * y))
    if shadow:
        angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0.15, 0.6)
        softness = float(np.exp(random.uniform(np.log(0.008), np.log(0.2))))  # of the crop: hard to soft
        bend = random.normal(0, 0.5)
        across = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y - np.float32(random.uniform(-0.4, 0.4))
        along = np.float32(np.cos(angle)) * y - np.float32(np.sin(angle)) * x
        edge = np.asarray((across + bend * along * along) / softness, np.float32)
        light = light * (1 - depth * sigmoid(edge))
    return np.asarray(np.clip(light, 0.05, 1), np.float32)


def capture(
    grey: Grey,
    longest: float,
    scanned: bool,
    two_level: bool,
    faint: bool,
    random: np.random.Generator,
    subject: float | None = None,
) -> Grey:
    """Photograph or scan the canvas: blur, downscaling, noise, contrast, polarity and JPEG.

    grey: (height, width) of the canvas, 1 = white. longest: the crop's longest side in pixels, at most the canvas's.
    subject: the side of what is in focus, in pixels of the canvas, by which a photo is blurred; None = the canvas's.
    Returns the crop (height, width), float32, range [0, 1].
    """
    scale = longest / max(grey.shape)
    sigma = float(random.uniform(0, 0.6) if scanned else random.gamma(1.5, 0.008) * (subject or max(grey.shape)))
    if sigma > 0.25:
        grey = blur(grey, sigma)
    if scale < 0.98:
        size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    if random.random() < 0.15:  # sharpened by software
        grey = grey + random.uniform(0.3, 1.2) * (grey - blur(grey, 1.2))
    if random.random() < 0.7:
        grey = grey + random.standard_normal(grey.shape, np.float32) * np.float32(min(random.gamma(1.2, 0.009), 0.04))
    grey = np.clip(grey, 0, 1)
    if two_level:
        low, high = np.percentile(grey, (4, 60))
        grey = (grey > low + random.uniform(0.35, 0.75) * (high - low)).astype(np.float32)
    elif random.random() < 0.15 and not faint:  # low contrast
        grey = random.uniform(0, 0.5) + random.uniform(0.25, 0.5) * grey
    else:
        grey = grey ** random.uniform(0.7, 1.4)
    if random.random() < INVERTED_SHARE:
        grey = 1 - grey
    if random.random() < 0.5:
        grey = _jpeg_round_trip(grey, int(random.integers(25 if longest > 60 else 60, 95)))
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def blur(values: Mask, sigma: float) -> Mask:
    """Gaussian blur. values: (H, W); sigma: in pixels."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def smooth_noise(cells: int, layout: Layout, random: np.random.Generator) -> Mask:
    """Noise over the canvas, roughly normal, interpolated from cells x cells values."""
    noise = random.standard_normal((cells, cells), np.float32)
    return np.asarray(cv2.resize(noise, (layout.width, layout.height), interpolation=cv2.INTER_CUBIC), np.float32)


def sigmoid(values: Mask) -> Mask:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def _draw_line(canvas: NDArray[np.uint8], start: tuple[float, float], end: tuple[float, float], width: float) -> None:
    points = np.array([start, end]) * 16
    cv2.line(
        canvas, tuple(np.round(points[0]).astype(int).tolist()), tuple(np.round(points[1]).astype(int).tolist()), 255,
        max(1, round(width)), cv2.LINE_AA, 4,
    )  # fmt: skip


def _jpeg_round_trip(grey: Grey, quality: int) -> Grey:
    file = io.BytesIO()
    Image.fromarray(np.round(grey * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(np.asarray(image) / 255, np.float32)
