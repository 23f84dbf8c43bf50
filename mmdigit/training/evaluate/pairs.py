"""All pairs of a picture and a sound of the same digit, fused, and compared with what else could be done with both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.training.evaluate.measures import BOOTSTRAPS, SEED, Right, clustered_bootstrap, two_way_bootstrap, wilson
from mmdigit.training.evaluate.split_model import Encoded, PartedModel, log_softmax

Labels = NDArray[np.int64]
INTERVAL_BY = f"two-way bootstrap over images and clips, {BOOTSTRAPS} draws, seed {SEED}"
RIVALS = ("image", "audio", "sum")
"""What the fused head is compared with: either head alone, and the sum of both heads' calibrated log-probabilities."""

Tables = Mapping[str, Sequence[NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class LabelPairs:
    """All pairs of one digit. rows: (n_images,), places of its pictures; columns: (n_clips,), of its sounds;
    fused: (n_images, n_clips, 10), logits; right: for `fused` and each of RIVALS, (n_images, n_clips)."""

    label: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    fused: NDArray[np.float32]
    right: dict[str, Right]


def same_digit_pairs(
    model: PartedModel, seen: Encoded, image_labels: Labels, heard: Encoded, clip_labels: Labels
) -> list[LabelPairs]:
    """One entry a digit that has pictures and sounds. image_labels: (n_images,); clip_labels: (n_clips,)."""
    image_evidence = log_softmax(seen.logits / model.temperature["image"])
    audio_evidence = log_softmax(heard.logits / model.temperature["audio"])
    image_right, audio_right = seen.logits.argmax(axis=1) == image_labels, heard.logits.argmax(axis=1) == clip_labels
    found = []
    for label in range(10):
        rows, columns = np.flatnonzero(image_labels == label), np.flatnonzero(clip_labels == label)
        if not rows.size or not columns.size:
            continue
        fused = model.fuse(seen.take(rows), heard.take(columns))
        summed = image_evidence[rows][:, None] + audio_evidence[columns][None]
        shape = (rows.size, columns.size)
        right = {
            "fused": fused.argmax(axis=2) == label,
            "image": np.broadcast_to(image_right[rows][:, None], shape),
            "audio": np.broadcast_to(audio_right[columns][None], shape),
            "sum": summed.argmax(axis=2) == label,
        }
        found.append(LabelPairs(label, rows, columns, fused, right))
    return found


def share(split: str, right: Right, clusters: NDArray[Any] | None = None, cluster: str = "") -> dict[str, Any]:
    """How many answers are right, with Wilson's interval, and with the one over clusters (writers) if they are known.

    right: (N,); clusters: (N,), who each answer belongs to, all -1 = unknown; cluster: what they are, in the plural.
    """
    hits, total = int(right.sum()), int(right.size)
    row = {
        "split": split,
        "right": hits,
        "total": total,
        "accuracy": hits / total,
        "interval_95": list(wilson(hits, total)),
        "interval_by": "Wilson",
    }
    if clusters is not None and np.unique(clusters).size > 1:
        row["interval_95_clustered"] = list(clustered_bootstrap(right, clusters))
        row["clustered_by"] = f"bootstrap over {np.unique(clusters).size} {cluster}, {BOOTSTRAPS} draws, seed {SEED}"
    return row


def right_tables(pairs: list[LabelPairs]) -> Tables:
    """For `fused` and each rival, one table (n_images, n_clips) a label: whether it read each pair rightly."""
    return {head: [entry.right[head] for entry in pairs] for head in ("fused", *RIVALS)}


def pair_share(split: str, tables: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """How many pairs are read rightly, with the interval when images and clips are drawn anew.

    tables: one (n_images, n_clips) a label, right or wrong, or shares of right.
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


def comparison(tables: Tables) -> dict[str, Any]:
    """The accuracy of each rival on the very same pairs, and what the fused head gains on it, in shares of them."""
    found: dict[str, Any] = {}
    total = sum(table.size for table in tables["fused"])
    for rival in RIVALS:
        gains = [fused.astype(np.float32) - other for fused, other in zip(tables["fused"], tables[rival], strict=True)]
        found[rival] = {
            "accuracy": _sum(tables[rival]) / total,
            "fused_gains": _sum(gains) / total,
            "interval_95": list(two_way_bootstrap(gains)),
        }
    return found


def _sum(tables: Sequence[NDArray[Any]]) -> float:
    return float(sum(table.sum(dtype=np.float64) for table in tables))
