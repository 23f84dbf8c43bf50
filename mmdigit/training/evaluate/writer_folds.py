"""Logits of every training digit by an image classifier that never saw its writer, on which calibration is based.

The writers are split into folds; each fold's digits, half of them as photographs, are read by a classifier that is
trained on the others. A training of fewer epochs than the shipped one errs more often: what it shows holds for both.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import open_regular
from mmdigit.training.data.image_batches import ImageSets
from mmdigit.training.data.splits import Digits
from mmdigit.training.evaluate.held_out import HeldOutLogits
from mmdigit.training.fit.predictions import predict_images
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.train import train_image
from mmdigit.training.plan import TrainingPlan
from schemas.errors import DataError

FOLDS = 3
FILE = "writers.npz"
SEED = 13
PHOTOGRAPHED = 0.5  # of the digits, where there are photographs


def read_without_writers(
    images: ImageSets, validation: Digits, plan: TrainingPlan, output: Path, hardware: Hardware
) -> dict[str, Any]:
    """Train FOLDS image classifiers, and write OUTPUT/writers.npz. Returns figures. Raises as train_image does.

    Digits of unknown writers are in every training and are not read. Raises DataError if no writer is known.
    """
    digits = images.digits
    known = digits.writers >= 0
    if not bool(known.any()):
        raise DataError("expected the writers of MNIST's digits, got none; restore mnist-writers/ (docs/use/data.md)")
    photographed = np.random.default_rng(SEED).random(digits.labels.size) < PHOTOGRAPHED * bool(images.photographs.size)
    logits, rows = [], []
    for fold in range(FOLDS):
        unseen = known & (digits.writers % FOLDS == fold)
        model = train_image(_without(images, unseen), validation, plan, output / f"{fold}", hardware)
        read = digits.images[unseen].copy()
        read[photographed[unseen]] = images.photographs[unseen & photographed]
        logits.append(predict_images(model, read).logits.numpy())
        rows.append(np.flatnonzero(unseen))
    order = np.concatenate(rows)
    all_logits, labels, by_photograph = np.concatenate(logits), digits.labels[order], photographed[order]
    partial = output / f"partial-{FILE}"
    np.savez(partial, logits=all_logits, labels=labels, photographed=by_photograph)
    partial.replace(output / FILE)
    right = all_logits.argmax(axis=1) == labels
    return {
        "split": f"{order.size} training digits of MNIST, each read by a classifier that did not see its writer",
        "folds": FOLDS,
        "accuracy": {
            name: float(right[chosen].mean())
            for name, chosen in (("as they are", ~by_photograph), ("photographed", by_photograph))
            if bool(chosen.any())
        },
    }


def _without(images: ImageSets, unseen: NDArray[np.bool_]) -> ImageSets:
    kept = np.flatnonzero(~unseen)
    photographs = images.photographs[kept] if images.photographs.size else images.photographs
    return replace(images, digits=images.digits.select(kept), photographs=photographs)


@dataclass(frozen=True, eq=False)
class WriterFolds:
    """The image head's logits: plain, of digits as they are; photographed, of photographs of others, None = there are
    none."""

    plain: HeldOutLogits
    photographed: HeldOutLogits | None


def read_writer_folds(folder: Path) -> WriterFolds:
    """FOLDER/writers.npz. Raises DataError if it is missing or damaged."""
    path = folder / FILE
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as file:
            logits, labels, photographed = (file[name] for name in ("logits", "labels", "photographed"))
        if logits.ndim != 2 or logits.shape != (labels.size, 10) or photographed.shape != labels.shape:
            raise ValueError(f"expected logits for ten digits, got shape {logits.shape}")
        if photographed.dtype != np.bool_ or bool(photographed.all()):
            raise ValueError("it has no digits that are not photographed")
        if not (
            logits.dtype == np.float32 and bool(np.isfinite(logits).all()) and bool(np.isin(labels, range(10)).all())
        ):
            raise ValueError("its logits are not finite, or its labels are not digits")
    except Exception as exc:  # numpy documents no closed set of errors for broken files
        raise DataError(
            f"expected {path} to hold the logits of `mmdigit study writers`, got something else ({exc}); run it again "
            "or omit --writers"
        ) from exc
    parts = []
    for chosen, kind in ((~photographed, "training digits of MNIST"), (photographed, "photographs of others")):
        split = f"{int(chosen.sum())} {kind}, each read by a training without its writer"
        parts.append(HeldOutLogits(logits[chosen], labels[chosen].astype(np.int64), split))
    return WriterFolds(parts[0], parts[1] if photographed.any() else None)
