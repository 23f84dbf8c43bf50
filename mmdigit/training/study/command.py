"""`mmdigit study`: trains several models to measure how much seeds differ, and accuracy on unseen speakers and writers.

Each study is resumable, and writes one dated result file. Its models are exported and measured like the shipped one.
Test splits are read only at the end.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mmdigit.training.data.photographs import photograph_digits
from mmdigit.training.data.splits import Digits, load_digits
from mmdigit.training.evaluate.fusion_comparison import compare_heads, untrained_like
from mmdigit.training.evaluate.fusion_heads import FUSED_HEADS
from mmdigit.training.evaluate.writer_folds import read_without_writers
from mmdigit.training.fit.predictions import predict_images
from mmdigit.training.fit.sets import load_images, load_sets
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.train import train_fusion, train_image
from mmdigit.training.fit.trained import load_trained_model
from mmdigit.training.output import log, make_folder, write_json
from mmdigit.training.plan import TrainingPlan
from mmdigit.training.study.folds import SHIPPED_SEED, folds
from schemas.errors import DataError, SettingsError

SEEDS = (SHIPPED_SEED, 2, 3)
PHOTOGRAPHS_SEED = 17
N_PHOTOGRAPHED = 3000  # of the validation digits, for the comparison of fused heads


def seeds(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> dict[str, Any]:
    """Train the image classifier with SEEDS, and measure each, not yet quantized.

    The audio classifier has no such study: it has heard the speakers of FSDD's test split, and of its 300 recordings
    a seed misreads one to three. `folds` measures it on unseen speakers.
    """
    images = load_images(data, output / "cache", plan.image, plan.data_seed, log)
    validation = load_digits(data, "validation")
    photographed = Digits(photograph_digits(validation, 1, PHOTOGRAPHS_SEED), validation.labels, validation.writers)
    splits = {"image": load_digits(data, "test"), "photographed": photographed}
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        seeded = plan.model_copy(update={"seed": seed})
        model = train_image(images, validation, seeded, output / f"seed-{seed}", hardware)
        answers = {name: predict_images(model, split.images).logits.argmax(dim=1) for name, split in splits.items()}
        rows.append(
            {"seed": seed}
            | {name: float((labels.numpy() == splits[name].labels).mean()) for name, labels in answers.items()}
        )
        log(json.dumps(rows[-1]))
    names = tuple(splits)
    return {
        "split": f"image: MNIST test ({splits['image'].labels.size}); photographed: renderings of "
        f"{photographed.labels.size} digits of validation writers",
        "seeds": rows,
        "mean": {name: float(np.mean([row[name] for row in rows])) for name in names},
        "spread": {name: float(np.ptp([row[name] for row in rows])) for name in names},
        "shipped": SHIPPED_SEED,
    }


def fusion(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> dict[str, Any]:
    """Train other fused heads on the trained encoders of SHIPPED_SEED, and compare them on unseen writers and speakers.

    Raises DataError if that training is not finished, or if there are no validation clips but FSDD's, whose speakers it
    has heard.
    """
    model, trained_by = load_trained_model(output / f"seed-{SHIPPED_SEED}")
    plan = trained_by.model_copy(update={"fusion": plan.fusion})
    sets = load_sets(data, output / "cache", plan, log)
    clips = [clip for clip in sets.validation_clips if clip.source != "fsdd"]
    if not clips:
        raise DataError(
            "expected clips of unseen speakers, got none; run `mmdigit data download --data DIR --sets audiomnist`"
        )
    trained = {
        name: train_fusion(model, sets, plan, output / "fusion" / name, hardware, make_head=head).fusion
        for name, head in FUSED_HEADS.items()
    }
    heads = {"sum": untrained_like(trained["correction"]), **trained}
    rows = compare_heads(model, heads, sets.validation_digits, clips, N_PHOTOGRAPHED)
    for row in rows:
        log(json.dumps(row))
    people = len({clip.name for clip in clips})
    return {
        "plan": plan.model_dump(),
        "split": f"{sets.validation_digits.labels.size} digits of validation writers, {N_PHOTOGRAPHED} of them "
        f"photographed, x {len(clips)} clips of {people} validation speakers, all pairs of the same digit",
        "heads": rows,
    }


def writers(data: Path, output: Path, plan: TrainingPlan, hardware: Hardware) -> dict[str, Any]:
    """Read every training digit of MNIST by a classifier that did not see its writer, for the calibration."""
    images = load_images(data, output / "cache", plan.image, plan.data_seed, log)
    plan = plan.model_copy(update={"seed": SHIPPED_SEED})
    return read_without_writers(images, load_digits(data, "validation"), plan, output / "writers", hardware)


STUDIES = {"seeds": seeds, "folds": folds, "fusion": fusion, "writers": writers}


def run(name: str, data: Path, output: Path, result: Path, plan: TrainingPlan, hardware: Hardware) -> None:
    """`mmdigit study NAME`: train, measure, write the dated result file and print its summary."""
    make_folder(output)
    make_folder(result.parent)
    if result.is_dir():
        raise SettingsError(f"expected a file for the result, got the folder {result}; name another --result")
    figures = STUDIES[name](data, output, plan, hardware)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"mmdigit study {name}",
        "plan": plan.model_dump(),
        **figures,
    }
    write_json(result, report)
    sys.stdout.write(f"{json.dumps({key: value for key, value in figures.items() if key != 'speakers'}, indent=2)}\n")
