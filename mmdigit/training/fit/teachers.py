"""Larger audio classifiers that teach a smaller one: their mean answer to each augmented clip is its second label.

Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", https://arxiv.org/abs/1503.02531.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from mmdigit.training.data.augmented_clips import AugmentedClips
from mmdigit.training.fit.checkpoints import checkpoint_path, read_plan, read_state, restore
from mmdigit.training.fit.model import AudioEncoder, UnimodalClassifier
from mmdigit.training.plan import AudioPlan
from schemas.errors import DataError

Taught = NDArray[np.float16]
"""(N, 11): for each augmented clip the probabilities of the ten digits, and the probability that it is none."""
BATCH = 1024
SAMPLED = 997  # clips apart: those that stand for all in the name of the cached file


def new_audio_classifier(plan: AudioPlan) -> UnimodalClassifier:
    """An untrained classifier of the plan's size."""
    return UnimodalClassifier(AudioEncoder(plan.width, plan.hidden, plan.layers))


def load_teachers(folders: Sequence[Path]) -> tuple[list[UnimodalClassifier], tuple[str, ...]]:
    """The trained audio classifier of each folder, and the SHA-256 of its checkpoint.

    Raises DataError if a folder has no finished audio training.
    """
    teachers = [load_audio_classifier(folder) for folder in folders]
    digests = [hashlib.sha256(checkpoint_path(folder, "audio").read_bytes()).hexdigest() for folder in folders]
    return teachers, tuple(digests)


def load_audio_classifier(folder: Path) -> UnimodalClassifier:
    """The trained audio classifier of a folder. Raises DataError if its training is missing or unfinished."""
    path = checkpoint_path(folder, "audio")
    if not path.exists():
        raise DataError(f"expected an audio classifier's checkpoint at {path}, got no such file; train it first")
    state = read_state(path)
    plan = read_plan(state, path)
    if state["epochs"] != plan.audio.epochs:
        raise DataError(f"expected {plan.audio.epochs} epochs in {path}, got {state['epochs']}; finish its training")
    classifier = new_audio_classifier(plan.audio)
    restore(path, (classifier, state["average"]))
    return classifier.eval()


def load_taught(
    teachers: Sequence[UnimodalClassifier], digests: Sequence[str], clips: AugmentedClips, cache: Path
) -> Taught:
    """What these teachers, with these SHA-256, say of the clips: computed, or read from the cache.

    Raises DataError if the cached file is damaged.
    """
    name = hashlib.sha256(" ".join(digests).encode() + clips.labels.tobytes() + clips.features[::SAMPLED].tobytes())
    path = cache / f"taught-{name.hexdigest()[:16]}.npy"
    if not path.exists():
        taught = teach(teachers, clips)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path.with_suffix(".partial.npy"), taught)
        path.with_suffix(".partial.npy").replace(path)
    try:
        taught = np.load(path)
        if taught.shape != (clips.labels.size, 11) or taught.dtype != np.float16:
            raise ValueError(f"shape {taught.shape}")
    except (OSError, ValueError, EOFError) as exc:
        raise DataError(f"expected teachers' answers in {path}, got a damaged file ({exc}); remove it") from exc
    return np.asarray(taught, np.float16)


@torch.no_grad()
def teach(teachers: Sequence[UnimodalClassifier], clips: AugmentedClips) -> Taught:
    """The teachers' mean answer to each clip, without the distortions that a batch adds."""
    taught = np.empty((clips.labels.size, 11), np.float16)
    starts = range(0, clips.labels.size, BATCH)
    for start in track(starts, "teachers' answers", console=Console(stderr=True)):
        rows = np.arange(start, min(start + BATCH, clips.labels.size))
        answers = [teacher(clips.batch(rows)) for teacher in teachers]
        digits = torch.stack([answer.logits.softmax(dim=1) for answer in answers]).mean(dim=0)
        novelty = torch.stack([answer.novelty.sigmoid() for answer in answers]).mean(dim=0)
        taught[rows] = torch.cat([digits, novelty[:, None]], dim=1).numpy()
    return taught


def distillation_loss(model: UnimodalClassifier, embedding: Tensor, taught: Tensor) -> Tensor:
    """As the loss of a classifier, with the teachers' answers, (B, 11), in place of labels. Each clip counts for the
    digits as far as the teachers take it for one."""
    logits, novelty = model.head(embedding), model.novelty(embedding).squeeze(1)
    digit = 1 - taught[:, 10]
    digits = functional.cross_entropy(logits, taught[:, :10], reduction="none")
    return (digits * digit).sum() / digit.sum().clamp(min=1) + 0.5 * functional.binary_cross_entropy_with_logits(
        novelty, taught[:, 10]
    )
