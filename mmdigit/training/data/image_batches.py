"""The image training set: batches of handwritten digits, augmented, some replaced by images that are not digits."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdigit.reading.image import ink, lines, normalize, polarity, several_digits
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.training.data import photographs, render_ink, render_paper
from mmdigit.training.data.augment import TensorRng
from mmdigit.training.data.image_augmentation import augment_images, corrupt_images
from mmdigit.training.data.splits import Digits
from mmdigit.training.data.strokes import barred_sevens, characters, flagged_ones
from mmdigit.training.plan import ImagePlan
from schemas.errors import DataError

N_BLANK = 600  # photographs of paper, boxes and neighbours without a digit
RENDERERS = (normalize, ink, several_digits, lines, polarity, render_paper, render_ink, photographs)
"""Modules that decide what a rendered photograph looks like: when one changes, photographs are rendered again."""


@dataclass(frozen=True)
class ImageSets:
    """The images that the image stage trains on, all uint8, 255 = ink.

    photographs: (N, 28, 28), each digit as the decoder reads a photograph of it, or (0, 28, 28);
    glyphs: (M, 28, 28), characters that are not digits, may be empty;
    photographed_negatives: (L, 28, 28), photographs of glyphs and of paper without a digit, may be empty.
    """

    digits: Digits
    photographs: NDArray[np.uint8]
    glyphs: NDArray[np.uint8]
    photographed_negatives: NDArray[np.uint8]


@dataclass(frozen=True)
class ImageBatch:
    """image: (B, 1, 28, 28), range [0, 1], 1 = ink; label: (B,); is_digit: (B,), bool."""

    image: Tensor
    label: Tensor
    is_digit: Tensor


def load_image_sets(digits: Digits, glyphs: NDArray[np.uint8], plan: ImagePlan, cache: Path, seed: int) -> ImageSets:
    """These digits and glyphs; if the plan asks for photographs, also photographs of both and of empty paper.

    Raises DataError if the cached photographs are damaged.
    """
    if plan.photographs == 0:
        return ImageSets(digits, digits.images[:0], glyphs, glyphs[:0])
    blank = np.zeros((N_BLANK, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    blank[:, (4, 23), (4, 23)] = 1  # marks the digit's box, too faint to be seen
    negatives = np.concatenate([glyphs, blank])
    photographed = _photographs(digits, cache, seed)
    lost = photographed.max(axis=(1, 2)) == 0  # the decoder found no digit
    photographed[lost] = digits.images[lost]
    unknown = np.full(len(negatives), -1)
    return ImageSets(digits, photographed, glyphs, _photographs(Digits(negatives, unknown, unknown), cache, seed))


def _photographs(digits: Digits, cache: Path, seed: int) -> NDArray[np.uint8]:
    """A photograph or scan of each digit as the decoder reads it, (N, 28, 28); rendered, or read from the cache."""
    digest = hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes() + str(seed).encode())
    for module in RENDERERS:
        digest.update(Path(str(module.__file__)).read_bytes())
    path = cache / f"photographs-{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        made = photographs.photograph_digits(digits, 1, seed, workers=2)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".partial.npy"), made)
        path.with_suffix(".partial.npy").replace(path)
    try:
        cached = np.load(path)
        if cached.shape != digits.images.shape or cached.dtype != np.uint8:
            raise ValueError(f"{cached.dtype} {cached.shape}")
    except (OSError, ValueError, EOFError) as exc:
        raise DataError(f"expected photographs in {path}, got a damaged file ({exc}); remove it") from exc
    return np.asarray(cached, np.uint8)


def image_batches(
    sets: ImageSets, plan: ImagePlan, batch_size: int, seed: int, calm: bool = False
) -> Iterator[ImageBatch]:
    """One epoch over the handwritten digits. Order and augmentation depend on the seed alone."""
    random = np.random.default_rng(seed)
    rng = TensorRng(torch.Generator().manual_seed(seed))
    order = random.permutation(sets.digits.labels.size)
    for start in range(0, order.size - batch_size + 1, batch_size):
        yield _image_batch(sets, plan, order[start : start + batch_size], random, rng, calm)


def _image_batch(
    sets: ImageSets, plan: ImagePlan, rows: NDArray[np.int64], random: np.random.Generator, rng: TensorRng, calm: bool
) -> ImageBatch:
    """The digits of these rows, some replaced by photographs of them, by drawn ones and sevens, or by negatives."""
    images, labels = sets.digits.images[rows], sets.digits.labels[rows].copy()
    photographed = random.random(rows.size) < plan.photographs * bool(sets.photographs.size)
    images[photographed] = sets.photographs[rows[photographed]]
    kind = random.random(rows.size)
    negative = kind < plan.negatives
    glyphs = kind < plan.negatives * 0.4 * bool(sets.glyphs.size)
    images[glyphs] = _sample(sets.glyphs, int(glyphs.sum()), random)
    photographed_glyphs = glyphs & photographed & bool(sets.photographed_negatives.size)
    images[photographed_glyphs] = _sample(sets.photographed_negatives, int(photographed_glyphs.sum()), random)
    batch = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    drawn = negative & ~glyphs & (kind < plan.negatives * 0.7)
    corrupted = negative & ~glyphs & ~drawn
    ones = (kind > 1 - plan.strokes / 2) & (labels != 7)
    sevens = (kind > 1 - plan.strokes / 2) & (labels == 7) | (kind > 1 - plan.strokes) & (kind <= 1 - plan.strokes / 2)
    labels[ones], labels[sevens] = 1, 7
    for chosen, draw in ((drawn, characters), (ones, flagged_ones), (sevens, barred_sevens)):
        if chosen.any():
            batch[torch.from_numpy(chosen)] = draw(int(chosen.sum()), rng)
    batch = augment_images(batch, rng, calm)
    if corrupted.any():
        batch[torch.from_numpy(corrupted)] = corrupt_images(batch[torch.from_numpy(corrupted)], rng)
    return ImageBatch(batch, torch.from_numpy(labels), torch.from_numpy(~negative))


def _sample(images: NDArray[np.uint8], count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    return images[random.integers(0, max(1, images.shape[0]), count)] if count else images[:0]
