"""`mmdigit calibrate`: new thresholds, figures and model card for an exported model, without torch."""

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.data.splits import Clip, Digits, load_clips, load_digits
from mmdigit.training.evaluate.command import measure, summary
from mmdigit.training.evaluate.held_out import decode_images, held_out_images, model_outputs
from mmdigit.training.evaluate.writer_folds import read_writer_folds
from mmdigit.training.output import write_json
from mmdigit.training.release.calibration import head_risk, photograph_calibration, review_rates
from mmdigit.training.release.model_card import model_card
from schemas.errors import SettingsError, WeightsError

FILES = ("mmdigit.onnx", "mmdigit.json", "MODEL_CARD.md")


def run(data: Path, weights: Path | None, output: Path, threads: int, writers: Path | None = None) -> None:
    """Compute the image's risk tables, the review rates, the official figures and the card again.

    writers: of the study of that name, None = the image's tables rest on the validation writers alone. Keeps the tables
    of audio and fused, which need trainings that left a speaker out. Replaces the files of the output folder when all
    are complete. Raises DataError if data are missing, WeightsError if the model is older than generation 2 or lacks
    the description of its training, SettingsError if the output cannot be written.
    """
    path = WEIGHTS if weights is None else weights
    predictor = Predictor.load(path, threads=threads)
    metadata = json.loads(path.with_suffix(".json").read_text())
    if "risk" not in metadata or "training" not in metadata:
        raise WeightsError(
            f"expected {path} of generation 2, with its training described, got an older model; export it"
        )
    digits, clips = load_digits(data, "validation"), load_clips(data, "validation")
    images = [ModelInput(image=image) for image in decode_images(digits.images)]
    folds = None if writers is None else read_writer_folds(writers)
    plain = None if folds is None else folds.plain
    held_out = held_out_images(model_outputs(predictor, images)["image_logits"], digits.labels, plain)
    if folds is not None and folds.photographed is not None:
        metadata["photographs"] = photograph_calibration(folds.photographed)
    metadata["risk"]["image"] = head_risk("image", held_out, predictor.temperature["image"])
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
    point = Predictor.load(output / FILES[0]).operating_points["image"]
    sys.stdout.write(f"{output / FILES[1]}: an image's answer is accepted from {point.describe()}\n")


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
