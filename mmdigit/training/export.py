"""Export the trained model: one ONNX file, its metadata with the pinned SHA-256 and the thresholds, its model card."""

import hashlib
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from mmdigit.audio import N_SAMPLES
from mmdigit.image import IMAGE_SIDE
from mmdigit.predictor import INPUTS, OUTPUTS, Predictor, Sample
from mmdigit.training.evaluate import measure
from mmdigit.training.model import DigitModel, count_parameters
from mmdigit.training.model_card import model_card
from mmdigit.training.thresholds import OPEN, choose_thresholds
from mmdigit.training.train import CHECKPOINT, HISTORY, load_checkpoint
from schemas.errors import WeightsError

OPSET = 17
PARITY_TOLERANCE = 1e-4  # largest difference of any logit between torch and ONNX Runtime
PARITY_PAIRS = 1000
EXPORTED = (*OUTPUTS, "image_embedding", "audio_embedding")  # the worker asks for OUTPUTS, the evaluation for all
GENERATION = 1  # of the model's inputs and outputs; part of the model's version


def export_onnx(model: DigitModel, path: Path) -> None:
    """Write the model as ONNX with a free batch size, in evaluation mode."""
    model.eval()
    example = (
        torch.zeros(2, 1, IMAGE_SIDE, IMAGE_SIDE),
        torch.ones(2),
        torch.zeros(2, N_SAMPLES),
        torch.ones(2),
    )
    with warnings.catch_warnings():
        # The newer exporter needs a package of its own and unrolls the recurrent layer; this one keeps it whole.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(EXPORTED),
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, *EXPORTED)},
        )
    onnx.checker.check_model(str(path), full_check=True)


def parity(model: DigitModel, predictor: Predictor, pairs: int, seed: int = 0) -> float:
    """The largest difference of any probability between torch and the exported model, on random pairs.

    A quarter of the pairs lacks the image, another quarter the audio.
    """
    random = np.random.default_rng(seed)
    largest = 0.0
    for start in range(0, pairs, 100):
        count = min(100, pairs - start)
        image = random.random((count, IMAGE_SIDE, IMAGE_SIDE)).astype(np.float32) ** 4
        sound = (random.normal(size=(count, N_SAMPLES)) * random.uniform(0.001, 0.2, (count, 1))).astype(np.float32)
        missing = random.integers(0, 4, count)
        samples = [
            Sample(None if missing[row] == 0 else image[row], None if missing[row] == 1 else sound[row])
            for row in range(count)
        ]
        image[missing == 0], sound[missing == 1] = 0, 0
        with torch.no_grad():
            logits = model(
                torch.from_numpy(image)[:, None],
                torch.from_numpy((missing != 0).astype(np.float32)),
                torch.from_numpy(sound),
                torch.from_numpy((missing != 1).astype(np.float32)),
            )
        for row, answer in enumerate(predictor.predict(samples)):
            head = logits.audio if missing[row] == 0 else logits.image if missing[row] == 1 else logits.fused
            expected = torch.softmax(head[row].double(), dim=0).numpy()
            largest = max(largest, float(np.abs(expected - np.array(answer.probabilities)).max()))
    return largest


def write_model(
    model: DigitModel, path: Path, thresholds: dict[str, float], more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Export to path and write the metadata beside it, as Predictor.load wants them; returns the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    export_onnx(model, partial)
    sha256 = hashlib.sha256(partial.read_bytes()).hexdigest()
    metadata = {
        "model_version": f"mmdigit-{GENERATION}-{sha256[:8]}",
        "sha256": sha256,
        "parameters": count_parameters(model),
        "thresholds": thresholds,
        **(more or {}),
    }
    partial.replace(path)
    _write_json(path.with_suffix(".json"), metadata)
    return metadata


def run(data: Path, training: Path, output: Path, threads: int) -> None:
    """`mmdigit export`: checkpoint to ONNX, metadata and model card; measured on the official test splits.

    Raises DataError without a checkpoint or data, WeightsError if ONNX Runtime and torch do not agree.
    """
    model, plan, epochs = load_checkpoint(training / CHECKPOINT)
    history = (training / HISTORY).read_text().splitlines()
    path = output / "mmdigit.onnx"
    metadata = write_model(model, path, asdict(OPEN))
    predictor = Predictor.load(path, threads=threads)
    difference = parity(model, predictor, PARITY_PAIRS)
    if difference > PARITY_TOLERANCE:
        raise WeightsError(f"expected torch and ONNX Runtime to agree within {PARITY_TOLERANCE}, {difference} came")
    sys.stderr.write(f"torch and ONNX Runtime agree within {difference:.1e} on {PARITY_PAIRS} pairs\n")
    thresholds, validation = choose_thresholds(predictor, data)
    metadata["thresholds"] = asdict(thresholds)
    metadata["training"] = {"plan": plan, "epochs_done": epochs, "last_epoch": json.loads(history[-1])}
    metadata["validation"] = validation
    metadata["parity"] = {"largest_difference": difference, "pairs": PARITY_PAIRS}
    _write_json(path.with_suffix(".json"), metadata)
    report = measure(Predictor.load(path, threads=threads), data)
    metadata["test"] = {name: report[name] for name in report if not name.startswith("wrong_")}
    _write_json(path.with_suffix(".json"), metadata)
    (output / "MODEL_CARD.md").write_text(model_card(metadata))
    sys.stdout.write(f"{path}: {metadata['model_version']}, SHA-256 {metadata['sha256']}\n")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)
