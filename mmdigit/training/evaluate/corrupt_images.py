"""Makes images that training never uses, for evaluation: digits in poor photographs, and images that are not digits.

Each is drawn at three times MNIST's resolution and decoded from a PNG file, as a user's crop is. All randomness comes
from the caller's generator.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.pixels import Grey

SIDE = 120  # pixels of the crop
ZOOM = 3  # a digit of 20 MNIST pixels is 60 pixels of the crop
PAPER, INK = 235.0, 40.0  # of 255
GRAIN = 3.0  # of 255: one sigma of the sensor's noise

Crop = NDArray[np.float64]
"""(SIDE, SIDE), range [0, 255], dark ink on light paper."""
Random = np.random.Generator


@dataclass(frozen=True)
class Corruption:
    """One way to corrupt a crop. strengths: arguments of `apply`, weakest first; unit: of the strengths."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Crop, float, Random], Crop]


def render_crop(image: NDArray[np.uint8]) -> Crop:
    """An MNIST digit, (28, 28), 255 = ink, drawn as dark ink in the middle of a larger sheet of light paper."""
    large = Image.fromarray(image).resize((28 * ZOOM, 28 * ZOOM), Image.Resampling.BICUBIC)
    ink = np.zeros((SIDE, SIDE))
    margin = (SIDE - 28 * ZOOM) // 2
    ink[margin : margin + 28 * ZOOM, margin : margin + 28 * ZOOM] = np.asarray(large, np.float64) / 255
    return PAPER - (PAPER - INK) * ink


def decode_crop(paper: Crop, random: Random) -> Grey:
    """Photographs a crop and decodes it: (28, 28), range [0, 1], 1 = ink."""
    pixels = np.clip(np.round(paper + GRAIN * random.standard_normal(paper.shape, np.float32)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)  # fast; the file is not kept
    return decode_image(file.getvalue())


def corrupt(images: NDArray[np.uint8], corruption: Corruption, strength: float, random: Random) -> Grey:
    """Corrupts each digit, (N, 28, 28), 255 = ink, at random and decodes it: (N, 28, 28), range [0, 1], 1 = ink."""
    return np.stack([decode_crop(corruption.apply(render_crop(image), strength, random), random) for image in images])


def _none(paper: Crop, strength: float, random: Random) -> Crop:
    return paper


def _shift(paper: Crop, strength: float, random: Random) -> Crop:
    """Moves the digit in a random direction, maybe partly out of the crop."""
    angle, reach = random.uniform(0, 2 * np.pi), strength / 100 * SIDE
    down, right = round(reach * np.sin(angle)), round(reach * np.cos(angle))
    moved = np.full_like(paper, PAPER)
    target, source = [], []
    for step in (down, right):
        target.append(slice(max(step, 0), SIDE + min(step, 0)))
        source.append(slice(max(-step, 0), SIDE + min(-step, 0)))
    moved[target[0], target[1]] = paper[source[0], source[1]]
    return moved


def _rotation(paper: Crop, strength: float, random: Random) -> Crop:
    angle = strength * random.choice([-1, 1])
    turned = Image.fromarray(paper.astype(np.float32)).rotate(angle, Image.Resampling.BILINEAR, fillcolor=PAPER)
    return np.asarray(turned, np.float64)


def _blur(paper: Crop, strength: float, random: Random) -> Crop:
    grey = Image.fromarray(np.clip(np.round(paper), 0, 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(strength)), np.float64)


def _contrast(paper: Crop, strength: float, random: Random) -> Crop:
    return PAPER - (PAPER - paper) * strength / 100


def _shadow(paper: Crop, strength: float, random: Random) -> Crop:
    """A shadow with a soft edge somewhere across the crop, from any side."""
    angle, rows, columns = random.uniform(0, 2 * np.pi), *np.mgrid[:SIDE, :SIDE]
    across = (rows - SIDE / 2) * np.sin(angle) + (columns - SIDE / 2) * np.cos(angle)
    shade = 1 / (1 + np.exp(-(across - random.uniform(-0.25, 0.25) * SIDE) / 4.5))
    return np.asarray(paper * (1 - strength / 100 * shade), np.float64)


def _box(paper: Crop, strength: float, random: Random) -> Crop:
    """Draws the printed lines of a box along that many of the four edges."""
    boxed = paper.copy()
    for turn in random.permutation(4)[: int(strength)]:
        start, width = int(random.integers(1, 10)), int(random.integers(2, 5))
        side = np.rot90(boxed, turn)  # a view: writing to it draws on the crop
        side[:, start : start + width] = np.minimum(side[:, start : start + width], random.uniform(40, 110))
    return boxed


def _line_through(paper: Crop, strength: float, random: Random) -> Crop:
    """Draws a printed line through the digit, level or nearly so."""
    image = Image.fromarray(np.clip(np.round(paper), 0, 255).astype(np.uint8))
    line = Image.new("L", image.size, 255)
    height, slope = random.uniform(0.35, 0.65) * SIDE, random.uniform(-5, 5)
    ImageDraw.Draw(line).line([(0, height - slope), (SIDE, height + slope)], fill=110, width=int(strength))
    return np.minimum(np.asarray(image, np.float64), np.asarray(line, np.float64))


def _inversion(paper: Crop, strength: float, random: Random) -> Crop:
    return 255 - paper


def _specks(paper: Crop, strength: float, random: Random) -> Crop:
    """Salt and pepper: makes that share of the pixels black or white."""
    uniform = random.random(paper.shape)
    share = strength / 200
    return np.where(uniform < share, 0.0, np.where(uniform > 1 - share, 255.0, paper))


def _occlusion(paper: Crop, strength: float, random: Random) -> Crop:
    """Covers some of the digit with a square of blank paper; its side in percent of the digit's 60 pixels."""
    side = round(strength / 100 * 20 * ZOOM)
    top, left = random.integers(SIDE // 2 - 30, SIDE // 2 + 31 - side, 2)
    covered = paper.copy()
    covered[top : top + side, left : left + side] = PAPER
    return covered


CORRUPTIONS = (
    Corruption("none", "as a crop", (0,), _none),
    Corruption("shift", "% of the crop", (10, 18, 25), _shift),
    Corruption("rotation", "degrees", (10, 20, 30), _rotation),
    Corruption("blur", "pixels of 60, one sigma", (1.5, 3, 4.5), _blur),
    Corruption("contrast", "% left", (50, 25, 15), _contrast),
    Corruption("shadow", "% darker", (20, 40, 60), _shadow),
    Corruption("box lines", "edges of 4", (1, 2, 4), _box),
    Corruption("line through", "pixels of 60", (2, 3, 5), _line_through),
    Corruption("inversion", "bright on dark", (1,), _inversion),
    Corruption("salt and pepper", "% of pixels", (1, 3, 6), _specks),
    Corruption("occlusion", "% of its height", (15, 25, 35), _occlusion),
)


def blanks(count: int, random: Random) -> Grey:
    """Empty paper, half of it in a shadow: (count, 28, 28)."""
    empty = np.full((SIDE, SIDE), PAPER)
    return np.stack([decode_crop(_shadow(empty, random.choice([0, 30]), random), random) for _ in range(count)])


def empty_boxes(count: int, random: Random) -> Grey:
    """Printed boxes without a digit: (count, 28, 28)."""
    empty = np.full((SIDE, SIDE), PAPER)
    return np.stack([decode_crop(_box(empty, float(random.integers(2, 5)), random), random) for _ in range(count)])


def scribbles(count: int, random: Random) -> Grey:
    """Meaningless lines of a pen: (count, 28, 28)."""
    drawn = []
    for _ in range(count):
        turns = np.cumsum(random.normal(random.choice([-0.45, 0.0, 0.45]), 0.7, int(random.integers(35, 80))))
        steps = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * random.uniform(6, 12), axis=0)
        drawn.append(decode_crop(_draw_strokes([_fit_to_crop(steps)], int(random.integers(3, 7))), random))
    return np.stack(drawn)


def marks(count: int, random: Random) -> Grey:
    """Ticks, crosses, plus and minus signs, stars, arrows, waves and question marks: (count, 28, 28)."""
    drawn = []
    for number in range(count):
        strokes = [np.array(stroke, np.float64) for stroke in MARKS[number % len(MARKS)]]
        points = np.concatenate(strokes)
        shape = np.eye(2) + random.normal(0, 0.12, (2, 2))
        moved = _fit_to_crop((points + random.normal(0, 0.04, points.shape)) @ shape)
        ends = np.cumsum([len(stroke) for stroke in strokes])[:-1]
        drawn.append(decode_crop(_draw_strokes(np.split(moved, ends), int(random.integers(3, 7))), random))
    return np.stack(drawn)


def cross_out(images: NDArray[np.uint8], random: Random) -> Grey:
    """Digits crossed out by a zigzag or by three to five strokes of a pen: (N, 28, 28)."""
    drawn = []
    for image in images:
        if random.random() < 0.5:
            across = np.linspace(28, 92, int(random.integers(7, 12))) + random.normal(0, 1.5, 1)
            heights = np.where(np.arange(across.size) % 2 == 0, 34, 86) + random.normal(0, 4.5, across.size)
            strokes = [np.stack([across, heights], axis=1)]
        else:
            strokes = [
                np.array([[random.uniform(22, 41), start], [random.uniform(79, 98), start + random.uniform(-38, 38)]])
                for start in random.uniform(38, 82, int(random.integers(3, 6)))
            ]
        crossed_out = np.minimum(render_crop(image), _draw_strokes(strokes, int(random.integers(3, 7))))
        drawn.append(decode_crop(crossed_out, random))
    return np.stack(drawn)


MARKS: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0, 0.6), (0.3, 1), (1, 0)),),  # a tick
    (((0, 0), (1, 1)), ((0, 1), (1, 0))),  # a cross
    (((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1))),  # plus
    (((0, 0.4), (1, 0.4)), ((0, 0.65), (1, 0.65))),  # equals
    (((0, 0), (1, 1)), ((0, 1), (1, 0)), ((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1))),  # a star
    (((0, 0.5), (1, 0.5)), ((0.65, 0.2), (1, 0.5), (0.65, 0.8))),  # an arrow
    (((0, 0.5), (0.17, 0.3), (0.33, 0.5), (0.5, 0.7), (0.67, 0.5), (0.83, 0.3), (1, 0.5)),),  # a wave
    (((0, 0.25), (0.25, 0), (0.6, 0.1), (0.6, 0.4), (0.3, 0.6), (0.3, 0.75)), ((0.3, 0.9), (0.3, 1))),  # a question
)


def _fit_to_crop(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2), moved and scaled so that the longest side is 60 pixels in the middle of the crop."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 20 * ZOOM / max(float((high - low).max()), 1e-6)
    return np.asarray((points - (low + high) / 2) * scale + SIDE / 2, np.float64)


def _draw_strokes(strokes: Sequence[NDArray[np.float64]], width: int) -> Crop:
    """Draws strokes on paper through these points, each (n, 2): across, down."""
    image = Image.new("L", (SIDE, SIDE), int(PAPER))
    draw = ImageDraw.Draw(image)
    for points in strokes:
        draw.line([(float(across), float(down)) for across, down in points], fill=int(INK), width=width, joint="curve")
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), np.float64)
