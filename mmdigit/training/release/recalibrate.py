"""Thresholds, figures and model card of an exported model, from its file and the data alone. Without torch."""

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.data.datasets import Clip, Digits, load_digits, load_spoken
from mmdigit.training.evaluate.command import measure, summary
from mmdigit.training.evaluate.held_out import decoded, held_out_images, outputs
from mmdigit.training.release.calibration import reviews, risk_of
from mmdigit.training.release.model_card import model_card
from schemas.errors import SettingsError, WeightsError

FILES = ("mmdigit.onnx", "mmdigit.json", "MODEL_CARD.md")


def run(data: Path, weights: Path | None, output: Path, threads: int) -> None:
    """`mmdigit calibrate`: the image's risk tables, what goes to review, the official figures and the card anew.

    The tables of audio and fused rest on trainings that left a speaker out, which the file does not hold: they stay.
    The files of the output folder are replaced when all is done. Raises DataError without the data, WeightsError
    without a whole model of generation 2, SettingsError if the output cannot be written.
    """
    path = WEIGHTS if weights is None else weights
    predictor = Predictor.load(path, threads=threads)
    metadata = json.loads(path.with_suffix(".json").read_text())
    if "risk" not in metadata or "training" not in metadata:
        raise WeightsError(f"expected {path} of generation 2, with its training described, got an older one; export it")
    digits, clips = load_digits(data, "validation"), load_spoken(data, "validation")
    images = [ModelInput(image=image) for image in decoded(digits.pictures)]
    held_out = held_out_images(outputs(predictor, images)["image_logits"], digits.labels)
    metadata["risk"]["image"] = risk_of("image", held_out, predictor.temperature["image"])
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".calibrate-", dir=output) as folder:
            exported = Path(folder) / FILES[0]
            shutil.copy(path, exported)
            complete(exported, metadata, data, digits, clips, threads)
            for name in FILES:
                (Path(folder) / name).replace(output / name)
    except OSError as exc:
        raise SettingsError(f"expected to write to {output}, got {exc.strerror}; name another --output") from exc
    point = Predictor.load(output / FILES[0]).operating_points["image"]
    sys.stdout.write(f"{output / FILES[1]}: an image's answer is accepted from {point.describe()}\n")


def complete(path: Path, metadata: dict[str, Any], data: Path, digits: Digits, clips: list[Clip], threads: int) -> None:
    """Write the metadata and the card beside an exported file, with what its thresholds cost and its official figures.

    metadata: with the calibration; gains `reviews` and `test`. digits, clips: the validation split.
    """
    write_json(path.with_suffix(".json"), metadata)
    metadata["validation"]["reviews"] = reviews(Predictor.load(path, threads=threads), digits, clips)
    metadata["test"] = summary(measure(path, data, threads))
    write_json(path.with_suffix(".json"), metadata)
    path.with_name(FILES[2]).write_text(model_card(metadata))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file as a whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)
