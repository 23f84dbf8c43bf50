"""The pairs that the fused head is trained on: embeddings and logits of augmented images and clips, read once.

Pairs of the same digit, and some of different digits, on which the head is to leave the sum of both heads' logits as it
is. The encoders do not change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmdigit.reading.audio.normalize import speech_window
from mmdigit.training.data.augment import TensorRng, augment_features, augment_waveforms
from mmdigit.training.data.augmented_clips import NOT_A_DIGIT, AugmentedClips
from mmdigit.training.data.image_augmentation import augment_images
from mmdigit.training.data.image_batches import ImageBatch
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.fit.model import Fusion, UnimodalClassifier, UnimodalOutput
from mmdigit.training.fit.predictions import BATCH, join_outputs, predict_waveforms
from mmdigit.training.plan import AudioPlan, Distortion

VALIDATION_PAIRS = 100_000
VALIDATION_SEED = 11
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """A classifier's outputs for N digits, and their labels, (N,)."""

    outputs: UnimodalOutput
    labels: Labels

    def select(self, rows: NDArray[np.int64]) -> UnimodalOutput:
        """The outputs of these rows, (M,)."""
        chosen = torch.from_numpy(rows)
        return UnimodalOutput(*(part[chosen] for part in self.outputs))


@torch.no_grad()
def answers_to_images(model: UnimodalClassifier, batches: Iterator[ImageBatch], count: int) -> Answers:
    """The first `count` digits of these batches; fewer if the batches end."""
    outputs: list[UnimodalOutput] = []
    labels: list[Labels] = []
    found = 0
    for batch in batches:
        outputs.append(model(batch.image[batch.is_digit]))
        labels.append(batch.label[batch.is_digit].numpy())
        found += labels[-1].size
        if found >= count:
            break
    return Answers(join_outputs(outputs), np.concatenate(labels))


@torch.no_grad()
def hard_answers(
    image: UnimodalClassifier, audio: UnimodalClassifier, digits: Digits, clips: Sequence[Clip]
) -> tuple[Answers, Answers]:
    """The answers to these digits and clips, distorted as in training: those that fusion is for."""
    rng = TensorRng(torch.Generator().manual_seed(VALIDATION_SEED))
    images = torch.from_numpy(digits.images.astype(np.float32) / 255)[:, None]
    waveforms = torch.from_numpy(np.stack([speech_window(clip.waveform) for clip in clips]).astype(np.float32))
    waveforms = augment_waveforms(waveforms, waveforms[:0], rng, get_args(Distortion))
    written = join_outputs(image(augment_images(part, rng)) for part in torch.split(images, BATCH))
    spoken = predict_waveforms(audio, list(waveforms.numpy()))
    return Answers(written, digits.labels), Answers(spoken, np.array([clip.label for clip in clips], np.int64))


@torch.no_grad()
def accuracy(head: Fusion, images: Answers, clips: Answers) -> dict[str, float]:
    """The share of VALIDATION_PAIRS that the fused head and the sum of both heads read rightly, in percent."""
    random = np.random.default_rng(VALIDATION_SEED)
    rows, columns = draw_pairs(images.labels, clips.labels, VALIDATION_PAIRS, 0.0, random)
    present = torch.ones(rows.size)
    image, audio = images.select(rows), clips.select(columns)
    right = torch.from_numpy(images.labels[rows])
    fused = head(image, present, audio, present)
    total = _sum(head, image, audio)
    return {
        f"validation_{name}": round(100 * float((logits.argmax(dim=1) == right).float().mean()), 3)
        for name, logits in (("fused", fused), ("sum", total))
    }


@torch.no_grad()
def answers_to_clips(
    model: UnimodalClassifier, clips: AugmentedClips, rows: NDArray[np.int64], plan: AudioPlan, seed: int
) -> Answers:
    """The digits among these rows, distorted as in the training of the encoder."""
    rng = TensorRng(torch.Generator().manual_seed(seed))
    rows = rows[clips.labels[rows] != NOT_A_DIGIT]
    parts = [rows[start : start + BATCH] for start in range(0, rows.size, BATCH)]
    outputs = [model(augment_features(clips.batch(part), rng, plan.distortions)) for part in parts]
    return Answers(join_outputs(outputs), clips.labels[rows])


def draw_pairs(
    images: Labels, clips: Labels, count: int, conflicts: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of images and of clips, (count,) each, of the same digit but for a share of conflicts.

    images, clips: labels. Every digit is equally frequent, if both have it.
    """
    by_image, by_clip = ([np.flatnonzero(labels == digit) for digit in range(10)] for labels in (images, clips))
    shared = [digit for digit in range(10) if by_image[digit].size and by_clip[digit].size]
    digits = random.choice(shared, count)
    others = np.where(random.random(count) < conflicts, random.choice(shared, count), digits)

    def draw(of: list[Labels], wanted: Labels) -> Labels:
        sizes = np.array([rows.size for rows in of])
        places = (random.random(count) * sizes[wanted]).astype(np.int64)
        return np.array([of[digit][place] for digit, place in zip(wanted, places, strict=True)], np.int64)

    return draw(by_image, digits), draw(by_clip, others)


def fusion_loss(
    head: Fusion,
    image: UnimodalOutput,
    audio: UnimodalOutput,
    image_label: Tensor,
    audio_label: Tensor,
    penalty: float,
) -> Tensor:
    """The cross-entropy of the fused head where the labels agree, and everywhere a penalty of what it adds to the sum,
    squared."""
    present = torch.ones(image_label.shape[0], device=image_label.device)
    fused: Tensor = head(image, present, audio, present)
    added = fused - _sum(head, image, audio)
    agree = image_label == audio_label
    return functional.cross_entropy(fused[agree], image_label[agree]) + penalty * (added**2).mean()


def _sum(head: Fusion, image: UnimodalOutput, audio: UnimodalOutput) -> Tensor:
    return head.weight[0] * image.logits + head.weight[1] * audio.logits
