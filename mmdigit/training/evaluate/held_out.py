"""Answers to people whom a training did not meet: what calibration rests on.

Pictures are those of the validation writers, read by the exported model. Sounds are those of the validation speakers,
and, where the leave-one-speaker-out trainings are there, recordings 5-49 of each left-out speaker of FSDD, as read by
the training without that speaker. No test split is ever read.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.fsdd import TEST_INDICES
from mmdigit.files.regular import open_regular
from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.datasets import Clip, Digits
from schemas.errors import DataError

BATCH = 256
_BROKEN = (OSError, EOFError, KeyError, ValueError, IndexError, TypeError, RuntimeError, MemoryError)
HELD_OUT = "held_out.npz"

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One head's answers to what its training never met. logits: (N, 10); labels: (N,), 0-9; split: which data."""

    logits: Logits
    labels: Labels
    split: str


@dataclass(frozen=True, eq=False)
class Folds:
    """The answers of the leave-one-speaker-out trainings, each to the speaker that it never heard.

    audio_logits: (N, 10), audio_labels: (N,); fused_logits: (M, 10), fused_images: (M,), places in the validation
    digits, whose label each pair has. n_speakers: how many were left out.
    """

    audio_logits: Logits
    audio_labels: Labels
    fused_logits: Logits
    fused_images: Labels
    n_speakers: int


def read_folds(folder: Path, digits: Digits, speakers: Sequence[str]) -> Folds:
    """FOLDER/SPEAKER/held_out.npz of each of these speakers; recordings 0-4, the test split, are left aside.

    digits: the validation digits, which the pairs refer to. Raises DataError if a speaker's file is missing or
    damaged, or is of other data.
    """
    parts = [_read_fold(folder / speaker / HELD_OUT, digits) for speaker in sorted(speakers)]
    if not parts:
        raise DataError("expected at least one speaker to leave out, got none; restore the recordings")
    sounds, heard, fused, images = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Folds(sounds, heard, fused, images, len(parts))


def _read_fold(path: Path, digits: Digits) -> tuple[Logits, Labels, Logits, Labels]:
    names = ("audio_logits", "labels", "indices", "fused_logits", "fused_labels", "fused_images", "fused_clips")
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as file:
            logits, labels, indices, fused, fused_labels, images, sounds = (file[name] for name in names)
        for values in (labels, indices, fused_labels, images, sounds):
            if values.ndim != 1 or values.dtype.kind not in "iu" or values.size == 0:
                raise ValueError(f"expected a row of whole numbers, got {values.dtype} {values.shape}")
        if not (logits.dtype.kind == fused.dtype.kind == "f"):
            raise ValueError("its logits are no real numbers")
        with np.errstate(over="ignore"):
            logits, fused = logits.astype(np.float32), fused.astype(np.float32)
        for values in (logits, fused):
            if values.ndim != 2 or values.shape[1] != 10 or not bool(np.isfinite(values).all()):
                raise ValueError(f"expected finite logits of ten digits, got shape {values.shape}")
        if not logits.shape[0] == labels.size == indices.size or not fused.shape[0] == images.size == sounds.size:
            raise ValueError("its arrays are of different lengths")
        if not bool(np.isin(labels, range(10)).all()):
            raise ValueError("its labels are not digits")
        if bool((images < 0).any() or (sounds < 0).any()):
            raise ValueError("its pairs name pictures or sounds below 0")
        if bool(np.isin(indices, TEST_INDICES).all()):
            raise ValueError("it holds recordings of the test split alone")
        if bool(np.isin(indices[sounds], TEST_INDICES).any()):
            raise ValueError("its pairs hold recordings of the test split")
        if not bool((digits.labels[images] == fused_labels).all() and (labels[sounds] == fused_labels).all()):
            raise ValueError("its pairs are of other digits")
    except (*_BROKEN, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as exc:
        raise DataError(
            f"expected {path} to hold the answers of a training that left this speaker out ({exc}); "
            "train the folds again or leave --folds out"
        ) from exc
    kept = ~np.isin(indices, TEST_INDICES)
    return (
        logits[kept].astype(np.float32),
        labels[kept].astype(np.int64),
        fused.astype(np.float32),
        images.astype(np.int64),
    )


def inputs(
    digits: Digits, clips: Sequence[Clip]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], Labels]:
    """Pictures and sounds as the model reads them, and the label of each sound."""
    images = decoded(digits.pictures)
    sounds = [speech_window(clip.waveform) for clip in clips]
    return images, sounds, np.array([clip.label for clip in clips], np.int64)


def decoded(pictures: NDArray[np.uint8]) -> list[Grey]:
    """MNIST pictures, (N, 28, 28), 255 = ink, as the worker's decoder gives them to the model: unchanged but for the
    range [0, 1], which a test shows on MNIST itself."""
    return [decode_image(picture.tobytes()) for picture in pictures]


def outputs(predictor: Predictor, samples: Sequence[ModelInput]) -> dict[str, Logits]:
    """The model's own outputs for all samples, in batches."""
    parts = [predictor.outputs(part) for part in batches(samples)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def batches(samples: Sequence[ModelInput]) -> list[Sequence[ModelInput]]:
    return [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]


def held_out_images(logits: Logits, labels: Labels) -> HeldOut:
    """The pictures of the validation writers, whom training never met. logits, labels: of the validation digits."""
    return HeldOut(logits, labels, "MNIST validation writers")


def held_out_sounds(logits: Logits, heard: Labels, clips: Sequence[Clip], folds: Folds | None) -> HeldOut:
    """The sounds of the left-out speakers with those of the validation speakers that are not FSDD's; without folds
    all validation clips. logits, heard: those of the clips, in their order."""
    fsdd = np.array([clip.source == "fsdd" for clip in clips])
    strangers = f"{int((~fsdd).sum())} clips of validation speakers"
    if folds is None:
        return HeldOut(logits, heard, f"{int(fsdd.sum())} FSDD recordings of speakers heard in training, {strangers}")
    return HeldOut(
        np.concatenate([folds.audio_logits, logits[~fsdd]]),
        np.concatenate([folds.audio_labels, heard[~fsdd]]),
        f"{folds.audio_labels.size} FSDD recordings of {folds.n_speakers} speakers, each read by a training without "
        f"that speaker, {strangers}",
    )


def held_out_pairs(
    predictor: Predictor,
    images: Sequence[NDArray[np.float32]],
    sounds: Sequence[NDArray[np.float32]],
    heard: Labels,
    labels: Labels,
    folds: Folds | None,
    random: np.random.Generator,
) -> HeldOut:
    """Each picture in one pair alone: what is counted for the bound is pictures, not pairs that share them."""
    if folds is None:
        pairs = one_clip_each(labels, heard, random)
        found = outputs(predictor, [ModelInput(images[row], sounds[sound]) for row, sound in pairs])
        rows = np.array([row for row, _ in pairs])
        return HeldOut(
            found["fused_logits"], labels[rows], "MNIST validation writers, each picture with one validation clip"
        )
    order = random.permutation(folds.fused_images.size)
    rows, first = np.unique(folds.fused_images[order], return_index=True)
    return HeldOut(
        folds.fused_logits[order[first]],
        labels[rows],
        f"MNIST validation writers, each picture with one clip of {folds.n_speakers} FSDD speakers, read by a "
        "training without that speaker",
    )


def one_clip_each(labels: Labels, heard: Labels, random: np.random.Generator) -> list[tuple[int, int]]:
    """(picture, clip) of the same digit for every picture whose digit is heard at all."""
    by_label = [np.flatnonzero(heard == label) for label in range(10)]
    return [(row, int(random.choice(by_label[label]))) for row, label in enumerate(labels) if by_label[label].size]
