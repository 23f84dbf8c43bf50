"""Digits of European hands, laid out as MNIST's: barred sevens, flagged ones, open fours, looped twos."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.european_hands import read_empty_cells, read_semeion, read_sudoku_cells
from mmdigit.datasets.fsdd import Split
from mmdigit.reading.image.normalize import lay_out, normalize
from mmdigit.reading.image.pixels import Grey
from mmdigit.training.data.splits import Digits

SEED = 0
ASPECTS = 3  # widths that each digit of Semeion is given, since its own is lost
CROPS = 4  # of each photographed digit
VALIDATION = 4  # every fourth group of writers, and every fourth photograph
ENLARGED = 8  # pixels for each of Semeion's, smoothed
MIN_EMPTY_INK = 12.0  # pixels of ink; an empty box with less is blank to the decoder


def load_european_digits(folder: Path, split: Split, mnist: Digits) -> Digits:
    """Semeion's digits in ASPECTS widths and CROPS crops of each photographed digit; none of both if they are missing.

    mnist: digits whose widths Semeion's take. Raises DataError if a file is damaged.
    """
    random = np.random.default_rng(SEED)
    images: list[Grey] = []
    labels: list[int] = []
    if (semeion := read_semeion(folder)) is not None:
        aspects = _aspects(mnist)
        for row in np.flatnonzero(_in_split(semeion.groups, split)):
            label = int(semeion.labels[row])
            images += [_widen(semeion.images[row], float(random.choice(aspects[label]))) for _ in range(ASPECTS)]
            labels += [label] * ASPECTS
    if (cells := read_sudoku_cells(folder)) is not None:
        _, photographs = np.unique(cells.groups, return_inverse=True)
        for row in np.flatnonzero(_in_split(photographs, split)):
            grey = cv2.cvtColor(cells.images[row], cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
            images += [normalize(_crop(grey, random)) for _ in range(CROPS)]
            labels += [int(cells.labels[row])] * CROPS
    if not images:
        return mnist.select(np.zeros(0, np.int64))
    unknown = np.full(len(labels), -1)
    return Digits(np.round(np.stack(images) * 255).astype(np.uint8), np.array(labels, np.int64), unknown)


def load_empty_boxes(folder: Path, count: int) -> NDArray[np.uint8]:
    """What the decoder leaves of photographed empty boxes: (N, 28, 28), uint8, at most count; nothing that is blank or
    looks like a 1."""
    cells = read_empty_cells(folder)
    chosen = np.random.default_rng(SEED).permutation(len(cells))[: 2 * count]
    read = [normalize(cells[row].astype(np.float32) / 255) for row in chosen]
    kept = [image for image in read if float(image.sum()) >= MIN_EMPTY_INK and not _is_upright(image)][:count]
    return np.round(np.stack(kept) * 255).astype(np.uint8) if kept else np.zeros((0, 28, 28), np.uint8)


def _is_upright(image: Grey) -> bool:
    _, _, width, height = cv2.boundingRect((image > 0.3).view(np.uint8))
    return height > 2 * width


def _in_split(groups: NDArray[np.int64], split: Split) -> NDArray[np.bool_]:
    return np.asarray((groups % VALIDATION == VALIDATION - 1) == (split == "validation"), np.bool_)


def _aspects(digits: Digits) -> list[NDArray[np.float64]]:
    """For each digit, the widths of some of MNIST's, relative to the height."""
    aspects = []
    for label in range(10):
        boxes = [cv2.boundingRect((image > 60).view(np.uint8)) for image in digits.images[digits.labels == label][:500]]
        aspects.append(np.array([min(width / max(height, 1), 1.2) for _, _, width, height in boxes] or [0.7]))
    return aspects


def _widen(image: NDArray[np.uint8], aspect: float) -> Grey:
    """A binary digit, (16, 16), with smooth edges and this width relative to its height, laid out as MNIST's."""
    side = image.shape[0] * ENLARGED
    padded = np.pad(image.astype(np.float32), 2)
    large = cv2.resize(padded, (side + 4 * ENLARGED, side + 4 * ENLARGED), interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(large, (0, 0), 0.6 * ENLARGED)
    sharp = np.clip((smooth - 0.5) * 3 + 0.5, 0, 1)
    width = max(8, round(sharp.shape[1] * max(aspect, 0.25)))
    stretched = cv2.resize(sharp, (width, sharp.shape[0]), interpolation=cv2.INTER_AREA)
    left, top, width, height = cv2.boundingRect((stretched > 0.3).view(np.uint8))
    return lay_out(np.asarray(stretched[top : top + height, left : left + width], np.float32))


def _crop(grey: Grey, random: np.random.Generator) -> Grey:
    """All but up to an eighth of each side."""
    height, width = grey.shape
    top, bottom, left, right = (int(random.uniform(0, 0.12) * side) for side in (height, height, width, width))
    return grey[top : height - bottom, left : width - right]
