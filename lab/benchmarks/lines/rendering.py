"""Sets digits of one MNIST writer in a row, as people write a number, and photographs or scans the line.

A plain line has the digits' own strokes on white paper. Pens, paper, light and camera of the others are those of
mmdigit/training/data/photographs.py.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data import render_ink, render_paper
from mmdigit.training.data.photographs import KINDS
from mmdigit.training.data.render_paper import Layout
from mmdigit.training.data.splits import Digits

SHORTEST, LONGEST = 4, 8  # digits
SPACING = (1.0, 6.0)  # MNIST pixels between the ink of neighbours; a digit is 20 pixels high
TOUCHING_SHARE = 0.25  # of neighbours in a line of touching digits; at least one pair
OVERLAP = (0.0, 1.5)  # MNIST pixels of ink that lie upon each other
MARGIN = (3.0, 16.0)  # MNIST pixels of paper around the line
LINE_SLANT, DIGIT_SLANT = 0.1, 0.04  # standard deviation of the shear of a line, and of each digit besides
SIZE, BASELINE, TURN_DEG = 0.06, 0.05, 1.5  # standard deviations: logarithm of size, share of height, line's turn
INKED = 96  # of 255
Surface = Literal["plain", "scan", "photo"]


@dataclass(frozen=True, eq=False)
class Line:
    """grey: (height, width), range [0, 1]. digits: what it says. boxes: (n, 4), left, top, right, bottom of each
    digit's ink in pixels of grey, before the camera's blur. owners: (H, W), whose ink each pixel shows before the
    camera, by place, -1 = none; larger than grey by the factor enlarged."""

    grey: Grey
    digits: str
    boxes: NDArray[np.float64]
    writer: int
    owners: NDArray[np.int8]
    enlarged: float


def by_writer(digits: Digits, fewest: int = LONGEST) -> list[Digits]:
    """The digits of each writer who wrote at least that many."""
    rows = [np.flatnonzero(digits.writers == writer) for writer in np.unique(digits.writers)]
    return [digits.select(each) for each in rows if each.size >= fewest]


def render_line(
    writer: Digits, touching: bool, surface: Surface, random: np.random.Generator, jitter: float = 1.0
) -> Line:
    """A line of SHORTEST to LONGEST digits of this writer. jitter: of slant, size and height; 0 = as printers set."""
    length = int(random.integers(SHORTEST, LONGEST + 1))
    chosen = random.choice(writer.labels.size, length, replace=False)
    images = [writer.images[row] for row in chosen]
    slant = jitter * random.normal(0, LINE_SLANT)
    shears = slant + jitter * random.normal(0, DIGIT_SLANT, length)
    sizes = np.exp(jitter * random.normal(0, SIZE, length))
    ups = 20 * jitter * random.normal(0, BASELINE, length)
    matrices = [_matrix(image, shear, size) for image, shear, size in zip(images, shears, sizes, strict=True)]
    outlines = [
        _outline(image, matrix) + np.array([0, up]) for image, matrix, up in zip(images, matrices, ups, strict=True)
    ]
    touches = random.random(length - 1) < TOUCHING_SHARE if touching else np.zeros(length - 1, bool)
    if touching and not touches.any():
        touches[random.integers(length - 1)] = True
    lefts = set_in_row(outlines, touches, random)
    placed = [outline + np.array([left, 0]) for outline, left in zip(outlines, lefts, strict=True)]
    return _draw(images, matrices, placed, outlines, writer.labels[chosen], int(writer.writers[0]), surface, random)


def _matrix(image: NDArray[np.uint8], shear: float, size: float) -> NDArray[np.float64]:
    """The affine map (2, 3) from MNIST pixels (x, y) that slants and scales, the ink's foot at 0."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    linear = size * np.array([[1, -shear], [0, 1]])
    foot = linear @ np.array([columns[0], rows[-1] + 1])
    return np.hstack([linear, -foot[:, None]])


def _outline(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the inked pixels come to lie, (n, 2), x and y."""
    rows, columns = np.nonzero(image > INKED)
    return (matrix[:, :2] @ np.stack([columns, rows])).T + matrix[:, 2]


def set_in_row(
    outlines: list[NDArray[np.float64]], touches: NDArray[np.bool_], random: np.random.Generator
) -> list[float]:
    """How far right each digit is moved: a gap between the ink of neighbours in any row, or an overlap."""
    lefts = [-float(outlines[0][:, 0].min())]
    for before, digit, touch in zip(outlines, outlines[1:], touches, strict=False):
        nearest, edge = np.inf, float((before[:, 0] + lefts[-1]).max())
        for row in np.unique(np.round(digit[:, 1])):
            reach = 0.6 if touch else 2.6  # rows above and below count as near
            level = np.abs(before[:, 1] - row) <= reach
            if level.any():
                own = digit[np.abs(digit[:, 1] - row) <= 0.6, 0].min()
                nearest = min(nearest, own - (before[level, 0] + lefts[-1]).max())
        beside = float(digit[:, 0].min()) - edge  # of the boxes: for digits that share no row
        nearest = min(nearest, beside + 20) if np.isfinite(nearest) else beside
        gap = -random.uniform(*OVERLAP) if touch else random.uniform(*SPACING)
        lefts.append(gap + 1 - nearest)
    return lefts


def _draw(
    images: list[NDArray[np.uint8]],
    matrices: list[NDArray[np.float64]],
    placed: list[NDArray[np.float64]],
    outlines: list[NDArray[np.float64]],
    labels: NDArray[np.int64],
    writer: int,
    surface: Surface,
    random: np.random.Generator,
) -> Line:
    turn = np.deg2rad(random.normal(0, TURN_DEG))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = [each @ rotation.T for each in placed]
    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0) + 1
    left, top, right, bottom = random.uniform(*MARGIN, 4)
    width, height = high - low + (left + right, top + bottom)
    plain, scanned = surface == "plain", surface != "photo"
    pixels = float(np.exp(random.uniform(np.log(24), np.log(90))))  # a digit's height in the picture
    drawn = max(pixels, 36.0)
    scale = drawn / 20
    layout = Layout(
        round(height * scale), round(width * scale), scale, 0.0, 0.0, drawn, drawn
    )  # the box of one digit, by which paper and pen are scaled
    kind = KINDS["sheet"]
    pen = 20 * float(np.exp(random.normal(np.log(0.075), 0.35))) if not plain and random.random() < kind.pen else None
    bias = float(random.uniform(0.25, 0.62))
    pencil, shadow = not plain and random.random() < kind.pencil, not scanned and random.random() < kind.shadow
    ink = np.zeros((layout.height, layout.width), np.float32)
    owners = np.full(ink.shape, -1, np.int8)
    for place, (image, matrix, own, outline) in enumerate(zip(images, matrices, placed, outlines, strict=True)):
        moved = own[0] - outline[0]
        warp = np.hstack([matrix[:, :2], (matrix[:, 2] + moved + _lift(matrix, outline, image))[:, None]])
        warp = scale * np.hstack([rotation @ warp[:, :2], (rotation @ warp[:, 2] - low + (left, top))[:, None]])
        stroke = render_ink.stroke(image, warp.astype(np.float32), layout, pen, bias, None, random)
        owners[(stroke > ink) & (stroke > 0.5)] = place
        ink = np.maximum(ink, stroke)
    if plain:
        return _line(1 - ink, owners, layout, points, low - (left, top), labels, writer)
    ink = ink * render_ink.texture(layout, pencil, False, random)
    tone = random.uniform(0.85, 1.0) if scanned else random.uniform(0.5, 0.95)
    contrast = random.uniform(0.3, 0.6) if pencil else random.uniform(0.45, 0.95)
    paper = tone * render_paper.sheet(layout, False, scanned, random)
    if random.random() < kind.ruled:
        paper = paper * (1 - contrast * random.uniform(0.1, 0.6) * render_paper.ruled_lines(layout, random))
    grey = paper * (1 - contrast * ink)
    if not scanned:
        grey = grey * render_paper.illumination(layout, shadow, random)
    two_level = scanned and not pencil and random.random() < kind.two_level
    longest = max(layout.height, layout.width) * pixels / drawn
    grey = render_paper.capture(grey.astype(np.float32), longest, scanned, two_level, pencil, random, 1.5 * drawn)
    return _line(grey, owners, layout, points, low - (left, top), labels, writer)


def _line(
    grey: Grey,
    owners: NDArray[np.int8],
    layout: Layout,
    points: list[NDArray[np.float64]],
    origin: NDArray[np.float64],
    labels: NDArray[np.int64],
    writer: int,
) -> Line:
    shrunk = grey.shape[1] / layout.width * layout.scale
    boxes = [np.concatenate([each.min(axis=0), each.max(axis=0) + 1]) for each in points]
    around = np.concatenate([origin] * 2)
    digits = "".join(map(str, labels))
    return Line(grey, digits, (np.array(boxes) - around) * shrunk, writer, owners, layout.width / grey.shape[1])


def _lift(matrix: NDArray[np.float64], outline: NDArray[np.float64], image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far the outline lies from where the matrix alone would put it."""
    return np.asarray(outline[0] - _outline(image, matrix)[0], np.float64)
