"""Logits for unseen writers and speakers, on which calibration is based.

Images: those of the validation writers, read by the exported model; with `mmdigit study writers`, also the training
digits, each read by a training without its writer. Clips: those of the validation speakers outside FSDD; with `mmdigit
study folds`, also all that each fold leaves out. No test split is read, nor recordings 0-4 of FSDD.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.datasets.fsdd import TEST_INDICES
from mmdigit.files.regular import open_regular
from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import Clip, Digits
from mmdigit.training.evaluate.people import People
from schemas.errors import DataError

BATCH = 256
_READ_ERRORS = (OSError, EOFError, KeyError, ValueError, IndexError, TypeError, RuntimeError, MemoryError)
FOLD_FILE = "held_out.npz"

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldOutLogits:
    """One head's logits for data held out of training. logits: (N, 10); labels: (N,), 0-9; split: which data;
    people: who spoke each, None = not known."""

    logits: Logits
    labels: Labels
    split: str
    people: People | None = None


@dataclass(frozen=True, eq=False)
class Folds:
    """The logits of the leave-one-speaker-out trainings, each for its unseen speaker.

    audio_logits: (N, 10), audio_labels: (N,), people: of the N clips; fused_logits: (M, 10), fused_images: (M,),
    indices of the validation digits, which also give the labels. n_speakers: how many were left out.
    """

    audio_logits: Logits
    audio_labels: Labels
    people: People
    fused_logits: Logits
    fused_images: Labels
    n_speakers: int


def read_folds(folder: Path, digits: Digits, speakers: Sequence[str]) -> Folds:
    """Read FOLDER/SPEAKER/held_out.npz of each of these speakers, without recordings 0-4, which are the test split.

    digits: the validation digits, which the pairs refer to. Raises DataError if a speaker's file is missing or
    damaged, or belongs to other data.
    """
    parts = [_read_fold(folder / speaker / FOLD_FILE, digits) for speaker in sorted(speakers)]
    if not parts:
        raise DataError("expected at least one speaker to leave out, got none; restore the recordings")
    audio_logits, audio_labels, names, pitch_hz, fused_logits, fused_images = map(
        np.concatenate, zip(*parts, strict=True)
    )
    people = People(names, pitch_hz)
    return Folds(audio_logits, audio_labels, people, fused_logits, fused_images, len(parts))


def _read_fold(path: Path, digits: Digits) -> tuple[NDArray[Any], ...]:
    names = ("audio_logits", "labels", "indices", "fused_logits", "fused_labels", "fused_images", "fused_clips")
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as file:
            logits, labels, indices, fused, fused_labels, images, clips = (file[name] for name in names)
            people, pitch_hz = file["people"], file["pitch_hz"]
        for values in (labels, indices, fused_labels, images, clips):
            if values.ndim != 1 or values.dtype.kind not in "iu" or values.size == 0:
                raise ValueError(f"expected a row of whole numbers, got {values.dtype} {values.shape}")
        if not (logits.dtype.kind == fused.dtype.kind == "f"):
            raise ValueError("its logits are not floats")
        with np.errstate(over="ignore"):
            logits, fused = logits.astype(np.float32), fused.astype(np.float32)
        for values in (logits, fused):
            if values.ndim != 2 or values.shape[1] != 10 or not bool(np.isfinite(values).all()):
                raise ValueError(f"expected finite logits for ten digits, got shape {values.shape}")
        if not logits.shape[0] == labels.size == indices.size or not fused.shape[0] == images.size == clips.size:
            raise ValueError("its arrays have different lengths")
        if people.dtype.kind != "U" or pitch_hz.dtype.kind != "f" or not people.shape == pitch_hz.shape == labels.shape:
            raise ValueError("it does not say who spoke each clip")
        if not bool(np.isin(labels, range(10)).all()):
            raise ValueError("its labels are not digits")
        if bool((images < 0).any() or (clips < 0).any()):
            raise ValueError("its pairs name images or clips below 0")
        if bool(np.isin(indices, TEST_INDICES).all()):
            raise ValueError("it holds only recordings of the test split")
        if bool(np.isin(indices[clips], TEST_INDICES).any()):
            raise ValueError("its pairs hold recordings of the test split")
        if not bool((digits.labels[images] == fused_labels).all() and (labels[clips] == fused_labels).all()):
            raise ValueError("its pairs have other labels")
    except (*_READ_ERRORS, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as exc:
        raise DataError(
            f"expected {path} to hold the logits of a training that left this speaker out, got something else ({exc}); "
            "train the folds again or omit --folds"
        ) from exc
    kept = ~np.isin(indices, TEST_INDICES)
    return (
        logits[kept].astype(np.float32),
        labels[kept].astype(np.int64),
        people[kept],
        pitch_hz[kept].astype(np.float64),
        fused.astype(np.float32),
        images.astype(np.int64),
    )


def model_inputs(
    digits: Digits, clips: Sequence[Clip]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], Labels]:
    """Images and waveforms as the model takes them, and the label of each clip."""
    images = decode_images(digits.images)
    waveforms = [speech_window(clip.waveform) for clip in clips]
    return images, waveforms, np.array([clip.label for clip in clips], np.int64)


def decode_images(images: NDArray[np.uint8]) -> list[Grey]:
    """MNIST images, (N, 28, 28), 255 = ink, as the worker's decoder returns them: scaled to [0, 1], and otherwise
    unchanged, as a test on all of MNIST shows."""
    return [decode_image(image.tobytes()) for image in images]


def model_outputs(predictor: Predictor, samples: Sequence[ModelInput]) -> dict[str, Logits]:
    """The model's raw outputs for all samples, computed in batches."""
    parts = [predictor.outputs(part) for part in batches(samples)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def batches(samples: Sequence[ModelInput]) -> list[Sequence[ModelInput]]:
    return [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]


def held_out_images(logits: Logits, labels: Labels, writers: HeldOutLogits | None = None) -> HeldOutLogits:
    """The images of the validation writers, and those of the trainings without some writers, if there are such.

    logits, labels: of the validation digits.
    """
    if writers is None:
        return HeldOutLogits(logits, labels, "MNIST validation writers")
    return HeldOutLogits(
        np.concatenate([logits, writers.logits]),
        np.concatenate([labels, writers.labels]),
        f"{labels.size} digits of MNIST validation writers, {writers.split}",
    )


def held_out_clips(logits: Logits, clip_labels: Labels, clips: Sequence[Clip], folds: Folds | None) -> HeldOutLogits:
    """The clips of the left-out speakers and of the validation speakers outside FSDD; without folds, all validation
    clips. logits, clip_labels: of the validation clips."""
    fsdd, people = np.array([clip.source == "fsdd" for clip in clips]), People.of(clips)
    unseen = f"{int((~fsdd).sum())} clips of validation speakers"
    if folds is None:
        return HeldOutLogits(
            logits, clip_labels, f"{int(fsdd.sum())} FSDD recordings of speakers seen in training, {unseen}", people
        )
    return HeldOutLogits(
        np.concatenate([folds.audio_logits, logits[~fsdd]]),
        np.concatenate([folds.audio_labels, clip_labels[~fsdd]]),
        f"{folds.audio_labels.size} recordings of {np.unique(folds.people.names).size} people, each read by a training "
        f"without that person, {unseen}",
        folds.people.join(people.select(~fsdd)),
    )


def held_out_pairs(
    predictor: Predictor,
    images: Sequence[NDArray[np.float32]],
    waveforms: Sequence[NDArray[np.float32]],
    clip_labels: Labels,
    labels: Labels,
    folds: Folds | None,
    random: np.random.Generator,
) -> HeldOutLogits:
    """Each image in one pair only, so that the error bound counts independent images."""
    if folds is None:
        pairs = pair_each_image(labels, clip_labels, random)
        outputs = model_outputs(predictor, [ModelInput(images[row], waveforms[clip]) for row, clip in pairs])
        rows = np.array([row for row, _ in pairs])
        return HeldOutLogits(
            outputs["fused_logits"], labels[rows], "MNIST validation writers, each image with one validation clip"
        )
    order = random.permutation(folds.fused_images.size)
    rows, first = np.unique(folds.fused_images[order], return_index=True)
    return HeldOutLogits(
        folds.fused_logits[order[first]],
        labels[rows],
        f"MNIST validation writers, each image with one clip of {np.unique(folds.people.names).size} people, read by a "
        "training without that person",
    )


def pair_each_image(labels: Labels, clip_labels: Labels, random: np.random.Generator) -> list[tuple[int, int]]:
    """(image, clip) of the same digit, for every image whose digit has a clip."""
    by_label = [np.flatnonzero(clip_labels == label) for label in range(10)]
    return [(row, int(random.choice(by_label[label]))) for row, label in enumerate(labels) if by_label[label].size]
