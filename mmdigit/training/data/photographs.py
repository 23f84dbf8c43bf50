"""MNIST digits as people send them: photographed and scanned crops, for the picture path to be trained and tested on.

A digit is drawn anew with another pen, laid on paper with what else stands there (ruled lines, a box, a neighbour, the
other side shining through), lit unevenly, photographed, cut out and compressed. `bank` then reads each crop with the
decoder of the worker, so that the model is trained on what the decoder really makes of such crops.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.image.normalize import normalize
from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data import paper as papers
from mmdigit.training.data import pen as pens
from mmdigit.training.data.datasets import Digits
from mmdigit.training.data.paper import Layout
from mmdigit.training.data.pen import Picture

SHORTEST, LONGEST = 20, 300  # pixels, the longest side of a crop
MIN_CANVAS = 56  # pixels; smaller crops are drawn larger and then reduced, as a camera does
BANK_CHUNK = 250  # digits a task
BANK_NEIGHBOURS = 512  # digits of the bank that serve as neighbours


class Kind(NamedTuple):
    """How often each thing happens in one kind of crop, each a probability."""

    share: float  # of all crops
    pen: float = 0.6  # drawn anew with a pen of one width; else MNIST's own stroke, thinned or thickened
    pencil: float = 0.1
    ruled: float = 0.15  # lines or squares on the paper
    old: float = 0.1  # yellowed, blotchy, the ink faded
    through: float = 0.05  # the other side shines through
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
    picture: Picture,
    neighbours: NDArray[np.uint8],
    random: np.random.Generator,
    kind: str | None = None,
    label: int | None = None,
) -> tuple[Grey, str]:
    """One digit as a realistic crop of a photo or scan.

    picture: (28, 28), uint8, 255 = ink. neighbours: (N, 28, 28), digits that may stand beside it or shine through.
    kind: one of KINDS, None = drawn by its share. label: the digit; if given, some ones get a flag and some sevens a
    bar, as written in Europe, which MNIST hardly has.
    Returns the crop (height, width), float32, range [0, 1], its longest side 20-300 pixels, and its kind.
    """
    if kind is None:
        shares = np.array([each.share for each in KINDS.values()])
        kind = str(random.choice(list(KINDS), p=shares / shares.sum()))
    chances = KINDS[kind]

    def happens(chance: float) -> bool:
        return bool(random.random() < chance)

    longest = float(np.exp(random.uniform(np.log(SHORTEST), np.log(LONGEST))))
    boxed = happens(chances.box)
    layout = _layout(picture, longest, boxed, random)
    pen = happens(chances.pen)
    width_mnist = 20 * float(np.exp(random.normal(np.log(0.075), 0.35)))  # of the digit's height, median 7.5 %
    bias = float(random.uniform(0.25, 0.62))
    style = label if happens(0.35) else None

    warp = _warp(picture, layout, random)
    ink = pens.stroke(picture, warp, layout, width_mnist if pen else None, bias, style, random)
    if happens(chances.neighbour):
        for _ in range(1 + happens(0.3)):
            other = neighbours[random.integers(len(neighbours))]
            moved = _beside(other, layout, random)
            ink = np.maximum(ink, pens.stroke(other, moved, layout, width_mnist if pen else None, bias, None, random))
    pencil, old, scanned = happens(chances.pencil), happens(chances.old), happens(chances.scanned)
    ink = ink * pens.texture(layout, pencil, old, random)

    tone = random.uniform(0.85, 1.0) if scanned and not old else random.uniform(0.5, 0.95)
    paper = tone * papers.paper(layout, old, scanned, random)
    faint = pencil or (old and happens(0.5))
    contrast = random.uniform(0.3, 0.6) if faint else random.uniform(0.45, 0.95)
    if happens(chances.through):
        other = neighbours[random.integers(len(neighbours)), :, ::-1]
        shine = pens.stroke(other, _anywhere(other, layout, random), layout, None, bias, None, random)
        shine = papers.blurred(shine, 0.03 * layout.digit + 0.5)
        paper = paper * (1 - contrast * random.uniform(0.08, 0.35) * shine)
    if happens(chances.ruled):
        paper = paper * (1 - contrast * random.uniform(0.1, 0.6) * papers.ruled(layout, random))
    if boxed:
        strength = random.uniform(0.25, 0.95)
        paper = paper * (1 - strength * papers.box(layout, random))
    grey = paper * (1 - contrast * ink)
    if not scanned:
        grey = grey * papers.light(layout, happens(chances.shadow), random)
    two_level = scanned and not faint and happens(chances.two_level)
    return papers.camera(grey.astype(np.float32), longest, scanned, two_level, faint, random), kind


def bank(digits: Digits, per_digit: int, seed: int, workers: int = 1) -> NDArray[np.uint8]:
    """What the decoder makes of `per_digit` crops of each digit.

    Returns (N * per_digit, 28, 28), uint8, 255 = ink; rows i * per_digit to (i + 1) * per_digit - 1 are digit i's, so
    np.repeat(digits.labels, per_digit) are their labels. Depends on digits and seed, not on the number of workers.
    """
    count = digits.labels.size
    chosen = np.random.default_rng(seed).choice(count, min(count, BANK_NEIGHBOURS), replace=False)
    neighbours = digits.pictures[np.sort(chosen)]
    starts = range(0, count, BANK_CHUNK)
    tasks = [
        _Chunk(digits.pictures[start : start + BANK_CHUNK], digits.labels[start : start + BANK_CHUNK], start)
        for start in starts
    ]
    read = partial(_read_chunk, neighbours=neighbours, per_digit=per_digit, seed=seed)
    if workers == 1:
        return np.concatenate([read(task) for task in tasks])
    with ProcessPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(read, tasks)))


class _Chunk(NamedTuple):
    """Some of the digits: pictures (n, 28, 28), labels (n,), and the row of the first."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    first: int


def _read_chunk(chunk: _Chunk, neighbours: NDArray[np.uint8], per_digit: int, seed: int) -> NDArray[np.uint8]:
    """(n * per_digit, 28, 28), uint8."""
    made = np.empty((chunk.labels.size, per_digit, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    for row, (picture, label) in enumerate(zip(chunk.pictures, chunk.labels, strict=True)):
        random = np.random.default_rng([seed, chunk.first + row])
        for turn in range(per_digit):
            crop, _ = photograph(picture, neighbours, random, label=int(label))
            made[row, turn] = np.round(normalize(crop) * 255)
    return made.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _layout(picture: Picture, longest: float, boxed: bool, random: np.random.Generator) -> Layout:
    """The crop's size and the digit's place in it: tight, usual or wide margins, rarely the digit in the middle."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    height, width = float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)  # MNIST pixels
    widest = (0.12, 0.45, 1.0)[int(random.choice(3, p=(0.3, 0.5, 0.2) if not boxed else (0.1, 0.75, 0.15)))]
    if longest < 40:
        widest = min(widest, 0.3)  # a digit of less than a dozen pixels is hardly sent
    margins = random.uniform(0.2 * widest, widest, 4) * max(height, width)
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


def _affine(picture: Picture, scale: float, centre: tuple[float, float], random: np.random.Generator) -> Grey:
    """The map (2, 3) from MNIST pixels (x, y) to the canvas: turned, slanted, stretched, its middle at `centre`."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    middle = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    angle, slant = np.deg2rad(random.normal(0, 4)), random.normal(0, 0.1)
    stretch = np.exp(random.normal(0, 0.06, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch[0], -slant], [0, stretch[1]]]) * scale
    return np.hstack([matrix, (np.array(centre) - matrix @ middle)[:, None]]).astype(np.float32)


def _warp(picture: Picture, layout: Layout, random: np.random.Generator) -> Grey:
    return _affine(picture, layout.scale, ((layout.left + layout.right) / 2, (layout.top + layout.bottom) / 2), random)


def _beside(picture: Picture, layout: Layout, random: np.random.Generator) -> Grey:
    """A neighbour's map: cut off by an edge of the crop, mostly left or right."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    scale = layout.scale * float(np.exp(random.normal(0, 0.12)))
    half_height, half_width = (rows[-1] - rows[0] + 1) / 2 * scale, (columns[-1] - columns[0] + 1) / 2 * scale
    gap = layout.scale * (random.uniform(0.5, 4) if random.random() < 0.85 else random.uniform(-1, 0.5))
    shift = random.normal(0, 0.12) * layout.digit
    middle_x, middle_y = (layout.left + layout.right) / 2, (layout.top + layout.bottom) / 2
    shown = random.uniform(0.1, 0.7)  # of the neighbour, the rest lies outside
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
    return _affine(picture, scale, centre, random)


def _anywhere(picture: Picture, layout: Layout, random: np.random.Generator) -> Grey:
    return _affine(
        picture, layout.scale, (layout.width * random.uniform(0, 1), layout.height * random.uniform(0, 1)), random
    )
