"""Encodes the official test split once and measures each head on it; all harder splits start from the same encodings.

The split: MNIST's test digits, FSDD's recordings 0-4, and all their pairs of the same digit.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import Waveform, speech_window
from mmdigit.reading.decision import HEADS, decide, softmax
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.normalize import read_digit
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.training import measures
from mmdigit.training.data.splits import Clip, Digits, load_clips, load_digits
from mmdigit.training.evaluate.pairs import (
    LabelPairs,
    accuracy_row,
    compare_with_baselines,
    correct_tables,
    pair_accuracy_row,
    same_digit_pairs,
)
from mmdigit.training.evaluate.split_model import PAIR_BATCH, Encoded, SplitModel
from schemas.prediction import Reason

IMAGES, CLIPS = "MNIST test", "FSDD recordings 0-4"
PAIRS = "MNIST test x FSDD recordings 0-4, all pairs of the same digit"
N_HARDEST = 40  # listed: the wrong answers, then the least confident

ShowProgress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Iterates over a sequence and shows the progress under a name."""
Probabilities = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OfficialSplit:
    """The official test split, encoded once.

    images: (n_images, 28, 28), and waveforms: (n_clips, N_SAMPLES), as the decoders return them; image_reasons: the
    reasons for review that each image alone gives; clip_labels: (n_clips,); speakers: (n_clips,), names.
    """

    model: SplitModel
    digits: Digits
    clips: list[Clip]
    images: Grey
    image_reasons: Sequence[Sequence[Reason]]
    waveforms: Waveform
    clip_labels: NDArray[np.int64]
    speakers: NDArray[np.str_]
    encoded_images: Encoded
    encoded_clips: Encoded
    pairs: list[LabelPairs]

    def probabilities(self, head: str) -> Probabilities:
        """Calibrated, (N, 10), of either head alone."""
        return self.model.probabilities(head, (self.encoded_images if head == "image" else self.encoded_clips).logits)


def read_test_split(folder: Path) -> tuple[Digits, list[Clip]]:
    """The digits and clips of the official split. Raises DataError if they are missing or altered."""
    return load_digits(folder, "test"), load_clips(folder, "test")


def encode_official_split(model: SplitModel, digits: Digits, clips: list[Clip], show: ShowProgress) -> OfficialSplit:
    """digits, clips: as read_test_split returns them."""
    read = [read_digit(*read_image(image.tobytes())) for image in show(list(digits.images), "images")]
    images = np.stack([digit.image for digit in read])
    waveforms = np.stack([speech_window(clip.waveform) for clip in show(clips, "clips")])
    clip_labels = np.array([clip.label for clip in clips], np.int64)
    encoded_images, encoded_clips = model.encode_image(images), model.encode_audio(waveforms)
    return OfficialSplit(
        model=model,
        digits=digits,
        clips=clips,
        images=images,
        image_reasons=model.predictor.image_reasons([ModelInput.of(digit, None) for digit in read]),
        waveforms=waveforms,
        clip_labels=clip_labels,
        speakers=np.array([clip.speaker for clip in clips]),
        encoded_images=encoded_images,
        encoded_clips=encoded_clips,
        pairs=same_digit_pairs(model, encoded_images, digits.labels, encoded_clips, clip_labels),
    )


def measure_heads(data: OfficialSplit, show: ShowProgress) -> dict[str, Any]:
    """Accuracy, calibration, risk against coverage, the shipped decision and the confusion matrix of each head."""
    image_correct = data.encoded_images.logits.argmax(axis=1) == data.digits.labels
    audio_correct = data.encoded_clips.logits.argmax(axis=1) == data.clip_labels
    logits = {
        "image": data.encoded_images.logits,
        "audio": data.encoded_clips.logits,
        "fused": np.concatenate([entry.fused.reshape(-1, 10) for entry in data.pairs]),
    }
    labels = {
        "image": data.digits.labels,
        "audio": data.clip_labels,
        "fused": np.repeat([entry.label for entry in data.pairs], [entry.fused[..., 0].size for entry in data.pairs]),
    }
    reasons = {
        "image": decision_reasons(data, np.arange(data.digits.labels.size), None, None, show),
        "audio": decision_reasons(data, None, np.arange(data.clip_labels.size), None, show),
        "fused": decision_reasons(
            data,
            np.concatenate([np.repeat(entry.rows, entry.columns.size) for entry in data.pairs]),
            np.concatenate([np.tile(entry.columns, entry.rows.size) for entry in data.pairs]),
            logits["fused"],
            show,
        ),
    }
    heads = {head: _head(data.model, head, logits[head], labels[head], reasons[head]) for head in HEADS}
    accepted, tables = heads["fused"]["decision"], correct_tables(data.pairs)
    return {
        "image": accuracy_row(IMAGES, image_correct, data.digits.writers, "writers"),
        "audio": accuracy_row(CLIPS, audio_correct, data.speakers, "speakers"),
        "fused": {**pair_accuracy_row(PAIRS, tables["fused"]), "against": compare_with_baselines(tables)},
        "accepted_pairs": {"coverage": accepted["coverage"], "error": accepted["error"]},
        "heads": heads,
        **_hardest(data, reasons),
    }


def _head(
    model: SplitModel, head: str, logits: NDArray[Any], labels: NDArray[np.int64], reasons: list[tuple[str, ...]]
) -> dict[str, Any]:
    probabilities = model.probabilities(head, logits)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    correct = answers == labels
    accepted = np.array([not each for each in reasons])
    wrong = int((accepted & ~correct).sum())
    confusion = np.zeros((10, 10), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return {
        "split": {"image": IMAGES, "audio": CLIPS, "fused": PAIRS}[head],
        "temperature": model.temperature[head],
        "ece": measures.ece(confidence, correct),
        "ece_uncalibrated": measures.ece(softmax(logits).max(axis=1), correct),
        "error_at_99": measures.error_at_coverage(confidence, correct, 0.99),
        "decision": {
            "coverage": float(accepted.mean()),
            "coverage_by_digit": [float(accepted[labels == digit].mean()) for digit in range(10)],
            "error": wrong / max(int(accepted.sum()), 1),
            "error_bound_95": error_bound(wrong, int(accepted.sum())),
            "reasons": dict(sorted(Counter(reason for each in reasons for reason in each).items())),
        },
        "risk": measures.risk_coverage(confidence, correct),
        "reliability": measures.reliability(confidence, correct),
        "confusion": confusion.tolist(),
    }


def decision_reasons(
    data: OfficialSplit,
    rows: NDArray[np.int64] | None,
    columns: NDArray[np.int64] | None,
    fused_logits: NDArray[Any] | None,
    show: ShowProgress,
) -> list[tuple[str, ...]]:
    """The reasons for which the shipped decision sends each answer to review; an empty tuple = accepted.

    rows: (N,), images, None = missing; columns: (N,), clips, None = missing; fused_logits: (N, 10) if both are present.
    """
    count = next(indices.size for indices in (rows, columns) if indices is not None)
    image, audio = data.probabilities("image"), data.probabilities("audio")
    reasons: list[tuple[str, ...]] = []
    for start in show(range(0, count, PAIR_BATCH), "decisions"):
        row = None if rows is None else rows[start : start + PAIR_BATCH]
        column = None if columns is None else columns[start : start + PAIR_BATCH]
        size = min(PAIR_BATCH, count - start)
        fused = None
        if fused_logits is not None:
            fused = data.model.probabilities("fused", fused_logits[start : start + PAIR_BATCH])
        reasons += [
            decide(
                None if row is None else image[row[at]],
                None if column is None else audio[column[at]],
                None if fused is None else fused[at],
                None if row is None else float(data.encoded_images.novelty[row[at]]),
                None if column is None else float(data.encoded_clips.novelty[column[at]]),
                data.model.thresholds,
                () if row is None else data.image_reasons[row[at]],
            )[1]
            for at in range(size)
        ]
    return reasons


def _hardest(data: OfficialSplit, reasons: dict[str, list[tuple[str, ...]]]) -> dict[str, Any]:
    """All wrong images and clips, N_HARDEST wrong pairs per digit, and the N_HARDEST hardest images and clips."""
    image, audio = data.probabilities("image"), data.probabilities("audio")
    names = [f"{clip.label}_{clip.speaker}_{clip.index}" for clip in data.clips]
    images = [
        {
            "index": int(row),
            "label": int(data.digits.labels[row]),
            "answer": int(image[row].argmax()),
            "confidence": round(float(image[row].max()), 5),
            "decision": "review" if reasons["image"][row] else "accept",
        }
        for row in range(image.shape[0])
    ]
    clips = [
        {
            "clip": names[row],
            "place": row,
            "label": int(data.clip_labels[row]),
            "answer": int(audio[row].argmax()),
            "confidence": round(float(audio[row].max()), 5),
            "decision": "review" if reasons["audio"][row] else "accept",
        }
        for row in range(audio.shape[0])
    ]
    pairs = [
        {
            "image": int(entry.rows[row]),
            "clip": names[entry.columns[column]],
            "label": entry.label,
            "answer": int(entry.fused[row, column].argmax()),
        }
        for entry in data.pairs
        for row, column in np.argwhere(~entry.correct["fused"])[:N_HARDEST]
    ]
    lists: dict[str, Any] = {"wrong_pairs": pairs}
    for name, answers in (("images", images), ("clips", clips)):
        lists[f"wrong_{name}"] = [answer for answer in answers if answer["answer"] != answer["label"]]
        hardest = sorted(answers, key=lambda answer: (answer["answer"] == answer["label"], answer["confidence"]))
        lists[f"hardest_{name}"] = hardest[:N_HARDEST]
    return lists


def measure_speakers(data: OfficialSplit) -> list[dict[str, Any]]:
    """Accuracy on each speaker's clips, alone and with all images of the same digit. Training used these speakers."""
    correct = data.encoded_clips.logits.argmax(axis=1) == data.clip_labels
    rows = []
    for speaker in sorted(set(data.speakers.tolist())):
        own = data.speakers == speaker
        tables = [entry.correct["fused"][:, own[entry.columns]] for entry in data.pairs]
        rows.append(
            {
                "speaker": speaker,
                "audio": accuracy_row(f"{CLIPS} of {speaker}", correct[own]),
                "fused": pair_accuracy_row(
                    f"MNIST test x {CLIPS} of {speaker}", [table for table in tables if table.size]
                ),
            }
        )
    return rows
