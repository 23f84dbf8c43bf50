"""MNIST digits as people send them: photographed and scanned crops, for the picture path to be trained and tested on.

A digit is drawn anew with another pen, laid on paper with what else stands there (ruled lines, a box, a neighbour, the
other side shining through), lit unevenly, photographed, cut out and compressed. `bank` then reads each crop with the
decoder of the worker, so that the model is trained on what the decoder really makes of such crops.
"""

import io
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdigit.image import IMAGE_SIDE, normalise
from mmdigit.ink import Grey
from mmdigit.training.data import Digits

Mask = NDArray[np.float32]  # (height, width), range [0, 1], how much of the light is taken away
Picture = NDArray[np.uint8]  # (28, 28), 255 = ink

SHORTEST, LONGEST = 20, 300  # pixels, the longest side of a crop
MIN_CANVAS = 56  # pixels; smaller crops are drawn larger and then reduced, as a camera does
SKELETON_SCALE = 3  # the middle line of the stroke is found at three times MNIST's resolution
INVERTED_SHARE = 0.15  # of the crops are bright ink on dark paper
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


@dataclass(frozen=True)
class _Layout:
    """Where the digit lies on the canvas. All in pixels of the canvas."""

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
    ink = _stroke(picture, warp, layout, width_mnist if pen else None, bias, style, random)
    if happens(chances.neighbour):
        for _ in range(1 + happens(0.3)):
            other = neighbours[random.integers(len(neighbours))]
            moved = _beside(other, layout, random)
            ink = np.maximum(ink, _stroke(other, moved, layout, width_mnist if pen else None, bias, None, random))
    pencil, old, scanned = happens(chances.pencil), happens(chances.old), happens(chances.scanned)
    ink = ink * _texture(layout, pencil, old, random)

    tone = random.uniform(0.85, 1.0) if scanned and not old else random.uniform(0.5, 0.95)
    paper = tone * _paper(layout, old, scanned, random)
    faint = pencil or (old and happens(0.5))
    contrast = random.uniform(0.3, 0.6) if faint else random.uniform(0.45, 0.95)
    if happens(chances.through):
        other = neighbours[random.integers(len(neighbours)), :, ::-1]
        shine = _stroke(other, _anywhere(other, layout, random), layout, None, bias, None, random)
        shine = _blurred(shine, 0.03 * layout.digit + 0.5)
        paper = paper * (1 - contrast * random.uniform(0.08, 0.35) * shine)
    if happens(chances.ruled):
        paper = paper * (1 - contrast * random.uniform(0.1, 0.6) * _ruled(layout, random))
    if boxed:
        strength = random.uniform(0.25, 0.95)
        paper = paper * (1 - strength * _box(layout, random))
    grey = paper * (1 - contrast * ink)
    if not scanned:
        grey = grey * _light(layout, happens(chances.shadow), random)
    two_level = scanned and not faint and happens(chances.two_level)
    return _camera(grey.astype(np.float32), longest, scanned, two_level, faint, random), kind


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
            made[row, turn] = np.round(normalise(crop) * 255)
    return made.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _layout(picture: Picture, longest: float, boxed: bool, random: np.random.Generator) -> _Layout:
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
    return _Layout(
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


def _warp(picture: Picture, layout: _Layout, random: np.random.Generator) -> Grey:
    return _affine(picture, layout.scale, ((layout.left + layout.right) / 2, (layout.top + layout.bottom) / 2), random)


def _beside(picture: Picture, layout: _Layout, random: np.random.Generator) -> Grey:
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


def _anywhere(picture: Picture, layout: _Layout, random: np.random.Generator) -> Grey:
    return _affine(
        picture, layout.scale, (layout.width * random.uniform(0, 1), layout.height * random.uniform(0, 1)), random
    )


def _stroke(
    picture: Picture,
    warp: Grey,
    layout: _Layout,
    pen: float | None,
    bias: float,
    style: int | None,
    random: np.random.Generator,
) -> Mask:
    """The digit on the canvas with crisp edges.

    pen: its width in MNIST pixels, drawn along the middle line of the stroke; None = MNIST's own stroke, cut at the
    grey level `bias`. style: the digit, to be given what MNIST hardly has; None = as it is.
    """
    enlarged = cv2.resize(picture, None, fx=SKELETON_SCALE, fy=SKELETON_SCALE, interpolation=cv2.INTER_CUBIC)
    large = np.asarray(enlarged, np.uint8)
    if style is not None:
        large = _european(large, style, random)
    to_large = np.array([[1 / SKELETON_SCALE, 0, -1 / SKELETON_SCALE], [0, 1 / SKELETON_SCALE, -1 / SKELETON_SCALE]])
    matrix = (np.vstack([warp, [0, 0, 1]]) @ np.vstack([to_large, [0, 0, 1]]))[:2].astype(np.float32)
    size = (layout.width, layout.height)
    wobble = _clouds(4, layout, random)
    if pen is None:
        field = cv2.warpAffine(large.astype(np.float32) / 255, matrix, size, flags=cv2.INTER_LINEAR)
        return _logistic(np.asarray((field - bias - 0.06 * wobble) * layout.scale * 3, np.float32))
    line = _middle_line(large)
    steps = np.minimum(cv2.distanceTransform(255 - line, cv2.DIST_L2, 5), 99 * SKELETON_SCALE)  # no line: far away
    away = _blurred(np.asarray(steps / SKELETON_SCALE, np.float32), 1.0)  # MNIST pixels
    field = cv2.warpAffine(away, matrix, size, flags=cv2.INTER_LINEAR, borderValue=99.0)
    edge = pen / 2 * (1 + 0.2 * wobble) + 0.2  # the blur lifts the middle line by about 0.2
    return _logistic(np.asarray((edge - field) * max(layout.scale, 1.0) * 3, np.float32))


def _blurred(values: Mask, sigma: float) -> Mask:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _clouds(cells: int, layout: _Layout, random: np.random.Generator) -> Mask:
    """Smooth noise over the canvas, about normally distributed, `cells` cells across."""
    noise = random.standard_normal((cells, cells), np.float32)
    return np.asarray(cv2.resize(noise, (layout.width, layout.height), interpolation=cv2.INTER_CUBIC), np.float32)


def _logistic(values: Mask) -> Mask:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def _european(large: Picture, label: int, random: np.random.Generator) -> Picture:
    """A one with a flag, at times with a foot; a seven with a bar. Others as they are.

    large: (84, 84), the digit at SKELETON_SCALE.
    """
    inked = large > 127
    rows = np.flatnonzero(inked.any(axis=1))
    if rows.size < 20 or label not in (1, 7):
        return large
    height = rows[-1] - rows[0]
    width = max(2, round(SKELETON_SCALE * 1.8))
    drawn = large.copy()

    def middle(row: int) -> int:
        return int(np.median(np.flatnonzero(inked[row])))

    def draw(start: tuple[float, float], end: tuple[float, float]) -> None:
        cv2.line(drawn, tuple(map(round, start)), tuple(map(round, end)), 255, width, cv2.LINE_AA)

    if label == 1:
        columns = np.flatnonzero(inked.any(axis=0))
        if columns[-1] - columns[0] > 0.55 * height:
            return large  # already has a flag, or leans too far for one
        top = (middle(int(rows[2])), int(rows[1]))
        draw(top, (top[0] - height * random.uniform(0.12, 0.42), top[1] + height * random.uniform(0.12, 0.45)))
        if random.random() < 0.25:
            foot = (middle(int(rows[-3])), int(rows[-2]))
            reach = height * random.uniform(0.15, 0.3)
            draw((foot[0] - reach, foot[1]), (foot[0] + reach, foot[1]))
    else:
        row = int(rows[0] + height * random.uniform(0.45, 0.62))
        if not inked[row].any():
            return large
        across, reach = middle(row), height * random.uniform(0.14, 0.3)
        tilt = random.normal(0, 0.05) * height
        draw((across - reach, row + tilt), (across + reach, row - tilt))
    return drawn


_NEIGHBOURS = np.array([[1, 2, 4], [128, 0, 8], [64, 32, 16]], np.float32)  # bit of each of the eight, clockwise


def _thinning_table(first: bool) -> NDArray[np.uint8]:
    """For each pattern of the eight neighbours, 1 = the pixel stays (Zhang and Suen 1984, one of its two steps)."""
    table = np.ones(256, np.uint8)
    for pattern in range(256):
        p9, p2, p3, p4, p5, p6, p7, p8 = (pattern >> bit & 1 for bit in (0, 1, 2, 3, 4, 5, 6, 7))
        ring = (p2, p3, p4, p5, p6, p7, p8, p9, p2)
        rises = sum(ring[i] == 0 and ring[i + 1] == 1 for i in range(8))
        corners = (p2 * p4 * p6, p4 * p6 * p8) if first else (p2 * p4 * p8, p2 * p6 * p8)
        if 2 <= sum(ring[:8]) <= 6 and rises == 1 and corners == (0, 0):
            table[pattern] = 0
    return table


_THINNING = (_thinning_table(True), _thinning_table(False))


def _middle_line(large: Picture) -> Picture:
    """The skeleton of the stroke, 255 on a line one pixel wide (Zhang and Suen 1984)."""
    left = (large > 110).astype(np.uint8)
    for _ in range(20):
        before = int(left.sum())
        for table in _THINNING:
            pattern = cv2.filter2D(left, cv2.CV_8U, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            left &= table[pattern]
        if int(left.sum()) == before:
            break
    return left * np.uint8(255)


def _texture(layout: _Layout, pencil: bool, faded: bool, random: np.random.Generator) -> Mask:
    """How dark the ink is at each place, (height, width), range [0, 1]: pressure, grain of the paper, gaps."""
    pressure = _clouds(5, layout, random)
    dark = 1 - random.uniform(0, 0.3 if pencil or faded else 0.15) * (1 + pressure)
    grain = random.uniform(0.2, 0.8) if pencil else random.uniform(0, 0.25)
    tooth = random.random((layout.height, layout.width), np.float32)
    fineness = max(0.4, 0.012 * layout.digit * random.uniform(0.5, 1.5))
    tooth = _blurred(tooth, fineness)
    tooth = (tooth - tooth.mean()) / (tooth.std() + 1e-6)
    dark = dark * (1 - grain * np.clip(0.5 + 0.6 * tooth, 0, 1))
    if random.random() < (0.2 if faded else 0.06):  # the pen skips
        dark = dark * np.clip(2.5 + pressure * 1.6, 0.0, 1)
    return np.asarray(np.clip(dark, 0, 1), np.float32)


def _paper(layout: _Layout, old: bool, scanned: bool, random: np.random.Generator) -> Mask:
    """How much light the paper gives back relative to its tone, (height, width), about 1."""
    paper = np.ones((layout.height, layout.width), np.float32)
    if old:
        for cells, strength in ((4, 0.09), (14, 0.05)):
            paper += random.uniform(0.1, 1) * strength * _clouds(cells, layout, random)
    if not scanned or old:
        fibres = random.standard_normal((layout.height, layout.width), np.float32)
        fibres = _blurred(fibres, max(0.4, 0.01 * layout.digit))
        paper += random.uniform(0, 0.04) * fibres / (fibres.std() + 1e-6)
    return np.clip(paper, 0.2, 1.15)


def _draw_line(canvas: Picture, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
    points = np.array([start, end]) * 16
    cv2.line(
        canvas, tuple(np.round(points[0]).astype(int).tolist()), tuple(np.round(points[1]).astype(int).tolist()), 255,
        max(1, round(width)), cv2.LINE_AA, 4,
    )  # fmt: skip


def _ruled(layout: _Layout, random: np.random.Generator) -> Mask:
    """Writing lines, or squares, across the whole crop."""
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


def _box(layout: _Layout, random: np.random.Generator) -> Mask:
    """The lines of a printed box on one to four sides, near the edges of the crop or cut by them, at times broken."""
    canvas = np.zeros((layout.height, layout.width), np.uint8)
    width = layout.digit * float(np.exp(random.uniform(np.log(0.012), np.log(0.1))))
    sides = random.permutation(4)[: random.choice([1, 2, 3, 4], p=[0.2, 0.25, 0.2, 0.35])]
    reach = layout.digit * 0.5 * float(random.random() < 0.7)  # lines go on beyond the corner: the next box begins
    # From outside the crop (half a line is left) to the digit's own edge and a little over it.
    inward = random.uniform(-0.4, 1.1) if random.random() < 0.75 else random.uniform(-0.2, 0.3)
    places = []
    for side, room in enumerate((layout.left, layout.width - layout.right, layout.top, layout.height - layout.bottom)):
        inset = min(room, 0.5 * layout.digit) * np.clip(inward + random.normal(0, 0.15), -1, 1.15)
        inset = max(inset, -0.4 * width)
        places.append(inset if side in (0, 2) else (layout.width if side == 1 else layout.height) - inset)
    left, right, top, bottom = places
    tilt = float(np.tan(np.deg2rad(random.normal(0, 1.3))))
    skew = random.normal(0, 0.01, 4)
    doubled = random.random() < 0.08
    for side in sides:
        slope = tilt + skew[side]
        if side < 2:
            place = left if side == 0 else right
            start, end = (place + slope * (layout.height / 2), top - reach), (place, bottom + reach)
            end = (place - slope * (layout.height / 2), end[1])
            step = (2.5 * width * (-1 if side == 0 else 1), 0.0)
        else:
            place = top if side == 2 else bottom
            start = (left - reach, place - slope * (layout.width / 2))
            end = (right + reach, place + slope * (layout.width / 2))
            step = (0.0, 2.5 * width * (-1 if side == 2 else 1))
        _draw_line(canvas, start, end, width)
        if doubled:
            _draw_line(canvas, (start[0] + step[0], start[1] + step[1]), (end[0] + step[0], end[1] + step[1]), width)
    box = canvas.astype(np.float32) / 255
    if random.random() < 0.25:  # broken and badly printed
        gaps = _clouds(7, layout, random)
        box = box * np.clip(1.2 + random.uniform(0.6, 1.6) * gaps, 0, 1)
    return np.asarray(box, np.float32)


def _light(layout: _Layout, shadow: bool, random: np.random.Generator) -> Mask:
    """How much light falls on each place, (height, width), range (0, 1]: a slope, darker corners, a shadow."""
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
        light = light * (1 - depth * _logistic(np.asarray((across + bend * along * along) / softness, np.float32)))
    return np.asarray(np.clip(light, 0.05, 1), np.float32)


def _camera(
    grey: Grey, longest: float, scanned: bool, two_level: bool, faint: bool, random: np.random.Generator
) -> Grey:
    """Blur, reduction, noise, contrast, JPEG and polarity. Returns the crop, range [0, 1]."""
    scale = longest / max(grey.shape)
    blur = float(random.uniform(0, 0.6) if scanned else random.gamma(1.5, 0.008) * max(grey.shape))
    if blur > 0.25:
        grey = _blurred(grey, blur)
    if scale < 0.98:
        size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    if random.random() < 0.15:  # sent through a programme that sharpens
        grey = grey + random.uniform(0.3, 1.2) * (grey - _blurred(grey, 1.2))
    if random.random() < 0.7:
        grey = grey + random.standard_normal(grey.shape, np.float32) * np.float32(min(random.gamma(1.2, 0.009), 0.04))
    grey = np.clip(grey, 0, 1)
    if two_level:
        low, high = np.percentile(grey, (4, 60))
        grey = (grey > low + random.uniform(0.35, 0.75) * (high - low)).astype(np.float32)
    elif random.random() < 0.15 and not faint:  # little contrast
        grey = random.uniform(0, 0.5) + random.uniform(0.25, 0.5) * grey
    else:
        grey = grey ** random.uniform(0.7, 1.4)
    if random.random() < INVERTED_SHARE:
        grey = 1 - grey
    if random.random() < 0.5:
        grey = _through_jpeg(grey, int(random.integers(25 if longest > 60 else 60, 95)))
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def _through_jpeg(grey: Grey, quality: int) -> Grey:
    file = io.BytesIO()
    Image.fromarray(np.round(grey * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(np.asarray(image) / 255, np.float32)
