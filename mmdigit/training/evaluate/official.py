"""The official test split, MNIST's test digits, FSDD's recordings 0-4 and all their same-digit pairs: encoded once,
and what each head makes of it. All other splits start from here."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import Waveform, speech_window
from mmdigit.reading.decision import HEADS, decide
from mmdigit.reading.error_bounds import error_bound
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.normalize import read_digit
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from mmdigit.training.data.datasets import Clip, Digits, load_digits, load_spoken
from mmdigit.training.evaluate import measures
from mmdigit.training.evaluate.pairs import LabelPairs, comparison, pair_share, right_tables, same_digit_pairs, share
from mmdigit.training.evaluate.split_model import PAIR_BATCH, Encoded, PartedModel, softmax
from schemas.prediction import Reason

IMAGES, CLIPS = "MNIST test", "FSDD recordings 0-4"
PAIRS = "MNIST test x FSDD recordings 0-4, all pairs of the same digit"
HARDEST = 40  # listed and shown: the wrong, then the least sure

Show = Callable[[Sequence[Any], str], Iterable[Any]]
"""Goes through a sequence, showing the progress under a name."""
Probabilities = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Official:
    """The official test split, encoded once.

    images: (n_images, 28, 28), sounds: (n_clips, N_SAMPLES), as the decoders give them; found: for each image why a
    person should look, as the picture itself tells; spoken: (n_clips,), labels;
    speakers: (n_clips,), names.
    """

    model: PartedModel
    digits: Digits
    clips: list[Clip]
    images: Grey
    found: Sequence[Sequence[Reason]]
    sounds: Waveform
    spoken: NDArray[np.int64]
    speakers: NDArray[np.str_]
    seen: Encoded
    heard: Encoded
    pairs: list[LabelPairs]

    def probabilities(self, head: str) -> Probabilities:
        """Calibrated, (N, 10), of either head alone."""
        return self.model.probabilities(head, (self.seen if head == "image" else self.heard).logits)


def read_test_split(folder: Path) -> tuple[Digits, list[Clip]]:
    """The digits and clips of the official split. Raises DataError if they are missing or altered."""
    return load_digits(folder, "test"), load_spoken(folder, "test")


def encode_official(model: PartedModel, digits: Digits, clips: list[Clip], show: Show) -> Official:
    """digits, clips: as read_test_split gives them."""
    read = [read_digit(*read_image(picture.tobytes())) for picture in show(list(digits.pictures), "images")]
    images = np.stack([digit.image for digit in read])
    found = model.whole.image_reasons([ModelInput.of(digit, None) for digit in read])
    sounds = np.stack([speech_window(clip.waveform) for clip in show(clips, "clips")])
    spoken = np.array([clip.label for clip in clips], np.int64)
    seen, heard = model.see(images), model.hear(sounds)
    pairs = same_digit_pairs(model, seen, digits.labels, heard, spoken)
    speakers = np.array([clip.speaker for clip in clips])
    return Official(model, digits, clips, images, found, sounds, spoken, speakers, seen, heard, pairs)


def official(data: Official, show: Show) -> dict[str, Any]:
    """Accuracy, calibration, risk against coverage, the shipped decision and the confusions of each head."""
    image_right = data.seen.logits.argmax(axis=1) == data.digits.labels
    audio_right = data.heard.logits.argmax(axis=1) == data.spoken
    logits = {
        "image": data.seen.logits,
        "audio": data.heard.logits,
        "fused": np.concatenate([entry.fused.reshape(-1, 10) for entry in data.pairs]),
    }
    labels = {
        "image": data.digits.labels,
        "audio": data.spoken,
        "fused": np.repeat([entry.label for entry in data.pairs], [entry.fused[..., 0].size for entry in data.pairs]),
    }
    decided = {
        "image": decision_reasons(data, np.arange(data.digits.labels.size), None, None, show),
        "audio": decision_reasons(data, None, np.arange(data.spoken.size), None, show),
        "fused": decision_reasons(
            data,
            np.concatenate([np.repeat(entry.rows, entry.columns.size) for entry in data.pairs]),
            np.concatenate([np.tile(entry.columns, entry.rows.size) for entry in data.pairs]),
            logits["fused"],
            show,
        ),
    }
    heads = {head: _head(data.model, head, logits[head], labels[head], decided[head]) for head in HEADS}
    accepted, tables = heads["fused"]["decision"], right_tables(data.pairs)
    return {
        "image": share(IMAGES, image_right, data.digits.writers, "writers"),
        "audio": share(CLIPS, audio_right, data.speakers, "speakers"),
        "fused": {**pair_share(PAIRS, tables["fused"]), "against": comparison(tables)},
        "accepted_pairs": {"coverage": accepted["coverage"], "error": accepted["error"]},
        "heads": heads,
        **_hardest(data, decided),
    }


def _head(
    model: PartedModel, head: str, logits: NDArray[Any], labels: NDArray[np.int64], decided: list[tuple[str, ...]]
) -> dict[str, Any]:
    probabilities = model.probabilities(head, logits)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answers == labels
    accepted = np.array([not reasons for reasons in decided])
    wrong = int((accepted & ~right).sum())
    confusion = np.zeros((10, 10), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return {
        "split": {"image": IMAGES, "audio": CLIPS, "fused": PAIRS}[head],
        "temperature": model.temperature[head],
        "ece": measures.ece(confidence, right),
        "ece_uncalibrated": measures.ece(softmax(logits).max(axis=1), right),
        "error_at_99": measures.error_at_coverage(confidence, right, 0.99),
        "decision": {
            "coverage": float(accepted.mean()),
            "coverage_by_digit": [float(accepted[labels == digit].mean()) for digit in range(10)],
            "error": wrong / max(int(accepted.sum()), 1),
            "error_bound_95": error_bound(wrong, int(accepted.sum())),
            "reasons": dict(sorted(Counter(reason for reasons in decided for reason in reasons).items())),
        },
        "risk": measures.risk_coverage(confidence, right),
        "reliability": measures.reliability(confidence, right),
        "confusion": confusion.tolist(),
    }


def decision_reasons(
    data: Official,
    rows: NDArray[np.int64] | None,
    columns: NDArray[np.int64] | None,
    fused_logits: NDArray[Any] | None,
    show: Show,
) -> list[tuple[str, ...]]:
    """Why the shipped decision sends each to review; an empty tuple = accepted.

    rows: (N,), images, None = missing; columns: (N,), clips, None = missing; fused_logits: (N, 10) if both are there.
    """
    count = next(places.size for places in (rows, columns) if places is not None)
    image, audio = data.probabilities("image"), data.probabilities("audio")
    found: list[tuple[str, ...]] = []
    for start in show(range(0, count, PAIR_BATCH), "decisions"):
        row = None if rows is None else rows[start : start + PAIR_BATCH]
        column = None if columns is None else columns[start : start + PAIR_BATCH]
        size = min(PAIR_BATCH, count - start)
        fused = None
        if fused_logits is not None:
            fused = data.model.probabilities("fused", fused_logits[start : start + PAIR_BATCH])
        found += [
            decide(
                None if row is None else image[row[at]],
                None if column is None else audio[column[at]],
                None if fused is None else fused[at],
                None if row is None else float(data.seen.novelty[row[at]]),
                None if column is None else float(data.heard.novelty[column[at]]),
                data.model.thresholds,
                () if row is None else data.found[row[at]],
            )[1]
            for at in range(size)
        ]
    return found


def _hardest(data: Official, decided: dict[str, list[tuple[str, ...]]]) -> dict[str, Any]:
    """All wrong images, clips and pairs, and then the least sure of the right ones, up to HARDEST."""
    image, audio = data.probabilities("image"), data.probabilities("audio")
    names = [f"{clip.label}_{clip.speaker}_{clip.index}" for clip in data.clips]
    images = [
        {
            "index": int(row),
            "label": int(data.digits.labels[row]),
            "answer": int(image[row].argmax()),
            "confidence": round(float(image[row].max()), 5),
            "decision": "review" if decided["image"][row] else "accept",
        }
        for row in range(image.shape[0])
    ]
    clips = [
        {
            "clip": names[row],
            "speech_window": row,
            "label": int(data.spoken[row]),
            "answer": int(audio[row].argmax()),
            "confidence": round(float(audio[row].max()), 5),
            "decision": "review" if decided["audio"][row] else "accept",
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
        for row, column in np.argwhere(~entry.right["fused"])[:HARDEST]
    ]
    found: dict[str, Any] = {"wrong_pairs": pairs}
    for name, answers in (("images", images), ("clips", clips)):
        found[f"wrong_{name}"] = [answer for answer in answers if answer["answer"] != answer["label"]]
        doubtful = sorted(answers, key=lambda answer: (answer["answer"] == answer["label"], answer["confidence"]))
        found[f"hardest_{name}"] = doubtful[:HARDEST]
    return found


def by_speaker(data: Official) -> list[dict[str, Any]]:
    """Each speaker's own clips, heard alone and with all images of the same digit. Heard in training: no strangers."""
    right = data.heard.logits.argmax(axis=1) == data.spoken
    found = []
    for speaker in sorted(set(data.speakers.tolist())):
        own = data.speakers == speaker
        tables = [entry.right["fused"][:, own[entry.columns]] for entry in data.pairs]
        found.append(
            {
                "speaker": speaker,
                "audio": share(f"{CLIPS} of {speaker}", right[own]),
                "fused": pair_share(f"MNIST test x {CLIPS} of {speaker}", [table for table in tables if table.size]),
            }
        )
    return found
