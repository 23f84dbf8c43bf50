"""The pictures of a training: batches of handwritten digits, augmented, with some that are no digits among them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdigit.reading.image import ink, lines, polarity, several_digits
from mmdigit.reading.image import normalize as image
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.training.data import paper, pen, photographs
from mmdigit.training.data.augment import Chance, augment_pictures, spoiled_pictures
from mmdigit.training.data.datasets import Digits
from mmdigit.training.data.strokes import barred_sevens, characters, flagged_ones
from mmdigit.training.fit.plan import ImagePlan

UNWRITTEN = 600  # photographs of paper, boxes and neighbours without a digit


@dataclass(frozen=True)
class PictureSets:
    """What the image stage reads, all uint8, 255 = ink.

    photographs: (N, 28, 28), each digit as the decoder gives a photograph of it, or (0, 28, 28);
    glyphs: (M, 28, 28), characters that are no digits, maybe none;
    photographed_others: (L, 28, 28), photographs of them and of paper without a digit, maybe none.
    """

    digits: Digits
    photographs: NDArray[np.uint8]
    glyphs: NDArray[np.uint8]
    photographed_others: NDArray[np.uint8]


@dataclass(frozen=True)
class PictureBatch:
    """image: (B, 1, 28, 28), range [0, 1], 1 = ink; label: (B,); is_digit: (B,), bool."""

    image: Tensor
    label: Tensor
    is_digit: Tensor


def load_picture_sets(
    digits: Digits, glyphs: NDArray[np.uint8], plan: ImagePlan, cache: Path, seed: int
) -> PictureSets:
    """These digits and glyphs with photographs of them, if the plan wants some, and of paper without a digit."""
    if plan.photographs == 0:
        return PictureSets(digits, digits.pictures[:0], glyphs, glyphs[:0])
    unwritten = np.zeros((UNWRITTEN, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    unwritten[:, (4, 23), (4, 23)] = 1  # where a digit would end, without any ink to see
    others = np.concatenate([glyphs, unwritten])
    photographed = _photographs(digits, cache, seed)
    lost = photographed.max(axis=(1, 2)) == 0  # the decoder found nothing there: no example of its label
    photographed[lost] = digits.pictures[lost]
    nobody = np.full(len(others), -1)
    return PictureSets(digits, photographed, glyphs, _photographs(Digits(others, nobody, nobody), cache, seed))


def _photographs(digits: Digits, cache: Path, seed: int) -> NDArray[np.uint8]:
    """Each digit once as the decoder gives a photograph or scan of it, (N, 28, 28), from the cache if made before."""
    digest = hashlib.sha256(digits.pictures.tobytes() + digits.labels.tobytes() + str(seed).encode())
    for module in (
        image,
        ink,
        lines,
        polarity,
        several_digits,
        paper,
        pen,
        photographs,
    ):  # another decoder or renderer makes other pictures
        digest.update(Path(str(module.__file__)).read_bytes())
    path = cache / f"photographs-{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        made = photographs.bank(digits, 1, seed, workers=2)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".partial.npy"), made)
        path.with_suffix(".partial.npy").replace(path)
    return np.asarray(np.load(path), np.uint8)


def picture_batches(
    sets: PictureSets, plan: ImagePlan, batch_size: int, seed: int, calm: bool = False
) -> Iterator[PictureBatch]:
    """One epoch over the handwritten digits, in an order and with an augmentation that depend on the seed alone."""
    random = np.random.default_rng(seed)
    chance = Chance(torch.Generator().manual_seed(seed))
    order = random.permutation(sets.digits.labels.size)
    for start in range(0, order.size - batch_size + 1, batch_size):
        yield picture_batch(sets, plan, order[start : start + batch_size], random, chance, calm)


def picture_batch(
    sets: PictureSets, plan: ImagePlan, rows: NDArray[np.int64], random: np.random.Generator, chance: Chance, calm: bool
) -> PictureBatch:
    """The digits of these rows, some replaced by photographs of them, by drawn ones and sevens, by what is no digit."""
    pictures, labels = sets.digits.pictures[rows], sets.digits.labels[rows].copy()
    photographed = random.random(rows.size) < plan.photographs * bool(sets.photographs.size)
    pictures[photographed] = sets.photographs[rows[photographed]]
    kind = random.random(rows.size)
    negative = kind < plan.negatives
    glyphs = kind < plan.negatives * 0.4 * bool(sets.glyphs.size)
    pictures[glyphs] = _drawn_from(sets.glyphs, int(glyphs.sum()), random)
    as_photographs = glyphs & photographed & bool(sets.photographed_others.size)
    pictures[as_photographs] = _drawn_from(sets.photographed_others, int(as_photographs.sum()), random)
    images = torch.from_numpy(pictures.astype(np.float32) / 255)[:, None]
    invented = negative & ~glyphs & (kind < plan.negatives * 0.7)
    spoiled = negative & ~glyphs & ~invented
    ones = (kind > 1 - plan.strokes / 2) & (labels != 7)
    sevens = (kind > 1 - plan.strokes / 2) & (labels == 7) | (kind > 1 - plan.strokes) & (kind <= 1 - plan.strokes / 2)
    labels[ones], labels[sevens] = 1, 7
    for chosen, draw in ((invented, characters), (ones, flagged_ones), (sevens, barred_sevens)):
        if chosen.any():
            images[torch.from_numpy(chosen)] = draw(int(chosen.sum()), chance)
    images = augment_pictures(images, chance, calm)
    if spoiled.any():
        images[torch.from_numpy(spoiled)] = spoiled_pictures(images[torch.from_numpy(spoiled)], chance)
    return PictureBatch(images, torch.from_numpy(labels), torch.from_numpy(~negative))


def _drawn_from(pictures: NDArray[np.uint8], count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    return pictures[random.integers(0, max(1, pictures.shape[0]), count)] if count else pictures[:0]
