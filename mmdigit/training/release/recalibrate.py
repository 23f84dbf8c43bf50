"""`mmdigit calibrate`: new thresholds, figures and model card for an exported model, without torch."""

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mmdigit.reading.decision import Head
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.data.splits import Clip, Digits, load_clips, load_digits
from mmdigit.training.evaluate.command import measure, summary
from mmdigit.training.evaluate.held_out import (
    HeldOutLogits,
    decode_images,
    held_out_clips,
    held_out_images,
    held_out_pairs,
    model_inputs,
    model_outputs,
    read_folds,
)
from mmdigit.training.evaluate.writer_folds import read_writer_folds
from mmdigit.training.output import write_json
from mmdigit.training.release.calibration import (
    SEED,
    head_figures,
    head_risk,
    photograph_calibration,
    review_rates,
)
from mmdigit.training.release.model_card import model_card
from schemas.errors import SettingsError, WeightsError

FILES = ("mmdigit.onnx", "mmdigit.json", "MODEL_CARD.md")


def run(
    data: Path,
    weights: Path | None,
    output: Path,
    threads: int,
    writers: Path | None = None,
    folds: Path | None = None,
) -> None:
    """Compute risk tables, the review rates, the official figures and the card again.

    folds: of the study of that name, for the tables of audio and fused; writers: of that study, for those of the image.
    Temperatures stay, so no confidence changes, but that of photographs. Replaces the files of the output folder when
    all are complete. Raises DataError if data are missing, WeightsError if the model is older than generation 2 or
    lacks the description of its training, SettingsError if the output cannot be written, or unless one of folds and
    writers is given.
    """
    if (folds is None) == (writers is None):
        raise SettingsError(
            f"expected --folds or --writers, got {'neither' if folds is None else 'both'}; run once with each, the "
            "second time on the result of the first"
        )
    path = WEIGHTS if weights is None else weights
    predictor = Predictor.load(path, threads=threads)
    metadata = json.loads(path.with_suffix(".json").read_text())
    if "risk" not in metadata or "training" not in metadata:
        raise WeightsError(
            f"expected {path} of generation 2, with its training described, got an older model; export it"
        )
    digits, clips = load_digits(data, "validation"), load_clips(data, "validation")
    if writers is not None:
        _calibrate_images(predictor, metadata, digits, writers)
    if folds is not None:
        _calibrate_clips(predictor, metadata, digits, clips, folds)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".calibrate-", dir=output) as folder:
            exported = Path(folder) / FILES[0]
            shutil.copy(path, exported)
            write_figures_and_card(exported, metadata, data, digits, clips, threads)
            for name in FILES:
                (Path(folder) / name).replace(output / name)
    except OSError as exc:
        raise SettingsError(f"expected to write to {output}, got {exc.strerror}; name another --output") from exc
    points = Predictor.load(output / FILES[0]).operating_points
    heads: tuple[Head, ...] = ("image",) if folds is None else ("audio", "fused")
    for head in heads:
        sys.stdout.write(f"{output / FILES[1]}: the answer of {head} is accepted from {points[head].describe()}\n")


def _calibrate_images(predictor: Predictor, metadata: dict[str, Any], digits: Digits, folder: Path) -> None:
    images = [ModelInput(image=image) for image in decode_images(digits.images)]
    folds = read_writer_folds(folder)
    held_out = held_out_images(model_outputs(predictor, images)["image_logits"], digits.labels, folds.plain)
    if folds.photographed is not None:
        metadata["photographs"] = photographs = photograph_calibration(folds.photographed)
        metadata["validation"]["photographs"] = head_figures(folds.photographed, **photographs)
    _renew("image", held_out, predictor, metadata)


def _calibrate_clips(
    predictor: Predictor, metadata: dict[str, Any], digits: Digits, clips: list[Clip], folder: Path
) -> None:
    folds = read_folds(folder, digits, sorted({clip.speaker for clip in clips if clip.source == "fsdd"}))
    images, waveforms, labels = model_inputs(digits, clips)
    logits = model_outputs(predictor, [ModelInput(waveform=waveform) for waveform in waveforms])["audio_logits"]
    random = np.random.default_rng(SEED)
    pairs = held_out_pairs(predictor, images, waveforms, labels, digits.labels, folds, random)
    _renew("audio", held_out_clips(logits, labels, clips, folds), predictor, metadata)
    _renew("fused", pairs, predictor, metadata)
    metadata["validation"]["left_out_speakers"] = folds.n_speakers


def _renew(head: Head, held_out: HeldOutLogits, predictor: Predictor, metadata: dict[str, Any]) -> None:
    temperature = predictor.temperature[head]
    metadata["risk"][head] = risk = head_risk(head, held_out, temperature)
    metadata["validation"][head] = head_figures(held_out, temperature, risk)


def write_figures_and_card(
    path: Path, metadata: dict[str, Any], data: Path, digits: Digits, clips: list[Clip], threads: int
) -> None:
    """Measure an exported file and write its metadata and card beside it.

    metadata: with the calibration; gains review rates and official figures. digits, clips: the validation split.
    """
    write_json(path.with_suffix(".json"), metadata)
    metadata["validation"]["reviews"] = review_rates(Predictor.load(path, threads=threads), digits, clips)
    metadata["test"] = summary(measure(path, data, threads))
    write_json(path.with_suffix(".json"), metadata)
    path.with_name(FILES[2]).write_text(model_card(metadata))
