"""A registered page laid flat: one grey raster in the page's own millimetres, its paper made even."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.pages.page import Pixels
from mmdigit.forms.registration.fitting import Registration

PX_PER_MM = 8  # 203 dpi
_NODE_MM = 4  # the map is computed at nodes so far apart, an even number of pixels, and linear between them
_PAPER_SCALE = 8  # the paper's brightness is looked for in a copy so much smaller
_PAPER_WINDOW = 9  # pixels of it: 9 mm, wider than a stroke or a marker's border
_SHADOW = 0.25  # of white: paper is taken to be at least so bright
_PURE, _MOST_GREY = 0.03, 0.001  # how near to black or white, and how many of the pixels may be neither
_SOFT_PX = 0.7

Darkness = NDArray[np.float32]
"""(height, width) at PX_PER_MM, 0 = paper, 1 = black."""


def flatten(pixels: Pixels, registration: Registration) -> Darkness:
    """How much darker than its paper the page is at each point; what lies outside the scan is paper."""
    width, height = (round(side * PX_PER_MM) for side in registration.size_mm)
    step = _NODE_MM * PX_PER_MM
    columns, rows = np.arange(0, width + step, step), np.arange(0, height + step, step)
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1) / PX_PER_MM
    seen = registration.to_pixels(nodes).astype(np.float32)
    return even(_laid_flat(pixels, seen, (height, width)))


def _laid_flat(pixels: Pixels, nodes: NDArray[np.float32], size: tuple[int, int]) -> Pixels:
    """nodes: (rows, columns, 2), the scan's pixel (x, y) at every _NODE_MM. size: height, width."""
    step, (height, width) = _NODE_MM * PX_PER_MM, size
    # The middle of pixel i lies at (i + 0.5) / step nodes, which resize takes for the middle of pixel i + step / 2.
    large = cv2.resize(nodes, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    places = large[step // 2 : step // 2 + height, step // 2 : step // 2 + width]
    # Cubic: linear would soften the strokes of a coarse scan.
    flat = cv2.remap(pixels, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,))  # type: ignore[call-overload]
    return np.asarray(flat, np.uint8)


def softened(pixels: Pixels) -> Pixels:
    """A page in black and white alone as it would be in grey: its pixels' steps become slopes. Others as they are."""
    grey = float(np.mean((pixels > 255 * _PURE) & (pixels < 255 * (1 - _PURE))))
    return pixels if grey > _MOST_GREY else np.asarray(cv2.GaussianBlur(pixels, (0, 0), _SOFT_PX), np.uint8)


def even(flat: Pixels) -> Darkness:
    """Darkness against the paper nearby, so that slopes of light and shadows go away."""
    height, width = flat.shape
    size = (max(1, width // _PAPER_SCALE), max(1, height // _PAPER_SCALE))
    small = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    window = np.ones((_PAPER_WINDOW, _PAPER_WINDOW), np.uint8)
    paper = cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, window), (0, 0), 2.0)
    paper = np.maximum(cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8(255 * _SHADOW))
    darkness = np.divide(flat, paper, dtype=np.float32)
    np.subtract(1, darkness, out=darkness)
    return np.maximum(darkness, 0, out=darkness)
