"""Fuses all pairs of an image and a clip of the same digit, and compares the fused head with baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.training.evaluate.split_model import Encoded, SplitModel, log_softmax
from mmdigit.training.measures import BOOTSTRAPS, SEED, Correct, clustered_bootstrap, two_way_bootstrap, wilson

Labels = NDArray[np.int64]
INTERVAL_BY = f"two-way bootstrap over images and clips, {BOOTSTRAPS} draws, seed {SEED}"
BASELINES = ("image", "audio", "sum")
"""Either head alone, and the sum of both heads' calibrated log-probabilities."""

Tables = Mapping[str, Sequence[NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class LabelPairs:
    """All pairs of one digit.

    rows: (n_images,), indices of its images; columns: (n_clips,), indices of its clips;
    fused: (n_images, n_clips, 10), logits; correct: (n_images, n_clips), for `fused` and each of BASELINES.
    """

    label: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    fused: NDArray[np.float32]
    correct: dict[str, Correct]


def same_digit_pairs(
    model: SplitModel, encoded_images: Encoded, image_labels: Labels, encoded_clips: Encoded, clip_labels: Labels
) -> list[LabelPairs]:
    """One entry for each digit that has images and clips. image_labels: (n_images,); clip_labels: (n_clips,)."""
    image_scores = log_softmax(encoded_images.logits / model.temperature["image"])
    audio_scores = log_softmax(encoded_clips.logits / model.temperature["audio"])
    image_correct, audio_correct = (
        encoded_images.logits.argmax(axis=1) == image_labels,
        encoded_clips.logits.argmax(axis=1) == clip_labels,
    )
    pairs = []
    for label in range(10):
        rows, columns = np.flatnonzero(image_labels == label), np.flatnonzero(clip_labels == label)
        if not rows.size or not columns.size:
            continue
        fused = model.fuse(encoded_images.select(rows), encoded_clips.select(columns))
        summed = image_scores[rows][:, None] + audio_scores[columns][None]
        shape = (rows.size, columns.size)
        correct = {
            "fused": fused.argmax(axis=2) == label,
            "image": np.broadcast_to(image_correct[rows][:, None], shape),
            "audio": np.broadcast_to(audio_correct[columns][None], shape),
            "sum": summed.argmax(axis=2) == label,
        }
        pairs.append(LabelPairs(label, rows, columns, fused, correct))
    return pairs


def accuracy_row(
    split: str, correct: Correct, clusters: NDArray[Any] | None = None, cluster: str = ""
) -> dict[str, Any]:
    """The accuracy with Wilson's interval, and with an interval over clusters such as writers, if they are known.

    correct: (N,); clusters: (N,), the cluster of each answer, all -1 = unknown; cluster: their name, in the plural.
    """
    hits, total = int(correct.sum()), int(correct.size)
    row = {
        "split": split,
        "right": hits,
        "total": total,
        "accuracy": hits / total,
        "interval_95": list(wilson(hits, total)),
        "interval_by": "Wilson",
    }
    if clusters is not None and np.unique(clusters).size > 1:
        row["interval_95_clustered"] = list(clustered_bootstrap(correct, clusters))
        row["clustered_by"] = f"bootstrap over {np.unique(clusters).size} {cluster}, {BOOTSTRAPS} draws, seed {SEED}"
    return row


def correct_tables(pairs: list[LabelPairs]) -> Tables:
    """For `fused` and each baseline, one table (n_images, n_clips) per label: whether it reads each pair correctly."""
    return {head: [entry.correct[head] for entry in pairs] for head in ("fused", *BASELINES)}


def pair_accuracy_row(split: str, tables: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """The accuracy over pairs, with its interval over images and clips.

    tables: one (n_images, n_clips) per label, right or wrong, or means of that.
    """
    hits, total = _sum(tables), sum(table.size for table in tables)
    return {
        "split": split,
        "right": int(hits) if hits == int(hits) else round(hits, 2),
        "total": total,
        "accuracy": hits / total,
        "interval_95": list(two_way_bootstrap(tables)),
        "interval_by": INTERVAL_BY,
    }


def compare_with_baselines(tables: Tables) -> dict[str, Any]:
    """The accuracy of each baseline on the same pairs, and the gain in accuracy of the fused head over it."""
    rows: dict[str, Any] = {}
    total = sum(table.size for table in tables["fused"])
    for baseline in BASELINES:
        gains = [
            fused.astype(np.float32) - other for fused, other in zip(tables["fused"], tables[baseline], strict=True)
        ]
        rows[baseline] = {
            "accuracy": _sum(tables[baseline]) / total,
            "fused_gains": _sum(gains) / total,
            "interval_95": list(two_way_bootstrap(gains)),
        }
    return rows


def _sum(tables: Sequence[NDArray[Any]]) -> float:
    return float(sum(table.sum(dtype=np.float64) for table in tables))
