"""Renders MNIST digits as photographed and scanned crops, as users send them, to train and test the image path.

`photograph` redraws a digit with another pen on paper (with ruled lines, a box, a neighbouring digit or print showing
through from the back), lights it unevenly, photographs, crops and compresses it. `photograph_digits` then reads each
crop with the worker's decoder, so that the model trains on the decoder's real output.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.image.normalize import normalize
from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data import render_ink, render_paper
from mmdigit.training.data.render_ink import DigitImage
from mmdigit.training.data.render_paper import Layout
from mmdigit.training.data.splits import Digits

MIN_SIDE, MAX_SIDE = 20, 300  # pixels, the longest side of a crop
MIN_CANVAS = 56  # pixels; smaller crops are drawn larger and then downscaled, as a camera does
CHUNK = 250  # digits per task
N_NEIGHBOURS = 512  # digits that serve as neighbours of the others


class Kind(NamedTuple):
    """The probability of each effect in one kind of crop."""

    share: float  # of all crops
    pen: float = 0.6  # redrawn with a pen of constant width; else MNIST's own stroke, thinned or thickened
    pencil: float = 0.1
    ruled: float = 0.15  # lines or a grid on the paper
    old: float = 0.1  # blotchy paper, faded ink
    through: float = 0.05  # a digit shows through from the back
    box: float = 0.0
    neighbour: float = 0.1
    shadow: float = 0.15
    scanned: float = 0.25  # flat light and white paper; else photographed
    two_level: float = 0.08  # black and white only


KINDS: dict[str, Kind] = {
    "sheet": Kind(0.25),
    "register": Kind(0.2, pen=0.75, pencil=0.05, ruled=0.45, old=0.9, through=0.4, neighbour=0.45, shadow=0.05),
    "box": Kind(0.3, pen=0.7, pencil=0.15, ruled=0.02, box=1.0, neighbour=0.05, scanned=0.5, two_level=0.16),
    "pencil": Kind(0.08, pencil=1.0, ruled=0.3),
    "shadow": Kind(0.09, shadow=1.0, scanned=0.0, ruled=0.2),
    "neighbour": Kind(0.08, neighbour=1.0),
}


def photograph(
    image: DigitImage,
    neighbours: NDArray[np.uint8],
    random: np.random.Generator,
    kind: str | None = None,
    label: int | None = None,
) -> tuple[Grey, str]:
    """Render one digit as a realistic crop of a photo or scan.

    image: (28, 28), uint8, 255 = ink. neighbours: (N, 28, 28), digits that may stand beside it or show through.
    kind: one of KINDS, None = drawn by its share. label: the digit; if given, some ones get a flag and some sevens a
    bar, as written in Europe, which MNIST rarely has.
    Returns the crop (height, width), float32, range [0, 1], its longest side 20-300 pixels, and its kind.
    """
    if kind is None:
        shares = np.array([each.share for each in KINDS.values()])
        kind = str(random.choice(list(KINDS), p=shares / shares.sum()))
    settings = KINDS[kind]

    def happens(probability: float) -> bool:
        return bool(random.random() < probability)

    longest = float(np.exp(random.uniform(np.log(MIN_SIDE), np.log(MAX_SIDE))))
    boxed = happens(settings.box)
    layout = _random_layout(image, longest, boxed, random)
    redrawn = happens(settings.pen)
    width = 20 * float(np.exp(random.normal(np.log(0.075), 0.35)))  # MNIST pixels; median 7.5 % of the digit's height
    pen = width if redrawn else None
    bias = float(random.uniform(0.25, 0.62))
    style = label if happens(0.35) else None

    warp = _place_digit(image, layout, random)
    ink = render_ink.stroke(image, warp, layout, pen, bias, style, random)
    if happens(settings.neighbour):
        for _ in range(1 + happens(0.3)):
            other = neighbours[random.integers(len(neighbours))]
            moved = _place_neighbour(other, layout, random)
            ink = np.maximum(ink, render_ink.stroke(other, moved, layout, pen, bias, None, random))
    pencil, old, scanned = happens(settings.pencil), happens(settings.old), happens(settings.scanned)
    ink = ink * render_ink.texture(layout, pencil, old, random)

    tone = random.uniform(0.85, 1.0) if scanned and not old else random.uniform(0.5, 0.95)
    paper = tone * render_paper.sheet(layout, old, scanned, random)
    faint = pencil or (old and happens(0.5))
    contrast = random.uniform(0.3, 0.6) if faint else random.uniform(0.45, 0.95)
    if happens(settings.through):
        other = neighbours[random.integers(len(neighbours)), :, ::-1]
        back = render_ink.stroke(other, _place_anywhere(other, layout, random), layout, None, bias, None, random)
        back = render_paper.blur(back, 0.03 * layout.digit + 0.5)
        paper = paper * (1 - contrast * random.uniform(0.08, 0.35) * back)
    if happens(settings.ruled):
        paper = paper * (1 - contrast * random.uniform(0.1, 0.6) * render_paper.ruled_lines(layout, random))
    if boxed:
        strength = random.uniform(0.25, 0.95)
        paper = paper * (1 - strength * render_paper.box_lines(layout, random))
    grey = paper * (1 - contrast * ink)
    if not scanned:
        grey = grey * render_paper.illumination(layout, happens(settings.shadow), random)
    two_level = scanned and not faint and happens(settings.two_level)
    return render_paper.capture(grey.astype(np.float32), longest, scanned, two_level, faint, random), kind


def photograph_digits(digits: Digits, per_digit: int, seed: int, workers: int = 1) -> NDArray[np.uint8]:
    """Render `per_digit` crops of each digit and read them with the decoder.

    Returns (N * per_digit, 28, 28), uint8, 255 = ink; rows i * per_digit to (i + 1) * per_digit - 1 are digit i's, so
    their labels are np.repeat(digits.labels, per_digit). Depends on digits and seed, not on the number of workers.
    """
    count = digits.labels.size
    chosen = np.random.default_rng(seed).choice(count, min(count, N_NEIGHBOURS), replace=False)
    neighbours = digits.images[np.sort(chosen)]
    starts = range(0, count, CHUNK)
    tasks = [
        _Chunk(digits.images[start : start + CHUNK], digits.labels[start : start + CHUNK], start) for start in starts
    ]
    photograph_chunk = partial(_photograph_chunk, neighbours=neighbours, per_digit=per_digit, seed=seed)
    if workers == 1:
        return np.concatenate([photograph_chunk(task) for task in tasks])
    with ProcessPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(photograph_chunk, tasks)))


class _Chunk(NamedTuple):
    """Consecutive digits: images (n, 28, 28), labels (n,), and the index of the first."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    first: int


def _photograph_chunk(chunk: _Chunk, neighbours: NDArray[np.uint8], per_digit: int, seed: int) -> NDArray[np.uint8]:
    """(n * per_digit, 28, 28), uint8."""
    made = np.empty((chunk.labels.size, per_digit, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for row, (image, label) in enumerate(zip(chunk.images, chunk.labels, strict=True)):
        random = np.random.default_rng([seed, chunk.first + row])
        for turn in range(per_digit):
            crop, _ = photograph(image, neighbours, random, label=int(label))
            made[row, turn] = np.round(normalize(crop) * 255)
    return made.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _random_layout(image: DigitImage, longest: float, boxed: bool, random: np.random.Generator) -> Layout:
    """The crop's size and the digit's box in it: tight, usual or wide margins, rarely the same on all sides."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    height, width = float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)  # MNIST pixels
    max_margin = (0.12, 0.45, 1.0)[int(random.choice(3, p=(0.3, 0.5, 0.2) if not boxed else (0.1, 0.75, 0.15)))]
    if longest < 40:
        max_margin = min(max_margin, 0.3)  # users rarely send a digit of less than a dozen pixels
    margins = random.uniform(0.2 * max_margin, max_margin, 4) * max(height, width)
    margins = 0.6 * margins + 0.4 * margins.mean()
    if random.random() < 0.35:  # a square crop
        missing = (height + margins[:2].sum()) - (width + margins[2:].sum())
        margins[2 if missing > 0 else 0 :][:2] += abs(missing) / 2
    full_height, full_width = height + margins[:2].sum(), width + margins[2:].sum()
    scale = max(longest, MIN_CANVAS) / max(full_height, full_width)
    return Layout(
        height=max(8, round(full_height * scale)),
        width=max(8, round(full_width * scale)),
        scale=scale,
        left=margins[2] * scale,
        top=margins[0] * scale,
        right=(margins[2] + width) * scale,
        bottom=(margins[0] + height) * scale,
    )


def _affine(image: DigitImage, scale: float, centre: tuple[float, float], random: np.random.Generator) -> Grey:
    """The affine map (2, 3) from MNIST pixels (x, y) to the canvas: rotates, slants, stretches, centres at `centre`."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    middle = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    angle, slant = np.deg2rad(random.normal(0, 4)), random.normal(0, 0.1)
    stretch = np.exp(random.normal(0, 0.06, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch[0], -slant], [0, stretch[1]]]) * scale
    return np.hstack([matrix, (np.array(centre) - matrix @ middle)[:, None]]).astype(np.float32)


def _place_digit(image: DigitImage, layout: Layout, random: np.random.Generator) -> Grey:
    return _affine(image, layout.scale, ((layout.left + layout.right) / 2, (layout.top + layout.bottom) / 2), random)


def _place_neighbour(image: DigitImage, layout: Layout, random: np.random.Generator) -> Grey:
    """The affine map of a neighbour, which an edge of the crop cuts off, mostly the left or right one."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    scale = layout.scale * float(np.exp(random.normal(0, 0.12)))
    half_height, half_width = (rows[-1] - rows[0] + 1) / 2 * scale, (columns[-1] - columns[0] + 1) / 2 * scale
    gap = layout.scale * (random.uniform(0.5, 4) if random.random() < 0.85 else random.uniform(-1, 0.5))
    shift = random.normal(0, 0.12) * layout.digit
    middle_x, middle_y = (layout.left + layout.right) / 2, (layout.top + layout.bottom) / 2
    shown = random.uniform(0.1, 0.7)  # of the neighbour; the rest is outside the crop
    side = random.choice(4, p=(0.38, 0.38, 0.12, 0.12))
    left = min(layout.left - gap, 2 * half_width * shown) - half_width
    right = max(layout.right + gap, layout.width - 2 * half_width * shown) + half_width
    above = min(layout.top - gap, 2 * half_height * shown) - half_height
    below = max(layout.bottom + gap, layout.height - 2 * half_height * shown) + half_height
    centre = (
        (left, middle_y + shift),
        (right, middle_y + shift),
        (middle_x + shift, above),
        (middle_x + shift, below),
    )[side]
    return _affine(image, scale, centre, random)


def _place_anywhere(image: DigitImage, layout: Layout, random: np.random.Generator) -> Grey:
    return _affine(
        image, layout.scale, (layout.width * random.uniform(0, 1), layout.height * random.uniform(0, 1)), random
    )
