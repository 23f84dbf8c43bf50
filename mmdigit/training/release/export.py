"""`mmdigit export`: a trained model as one ONNX file, its metadata with SHA-256 and calibration, and its model card."""

import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import N_SAMPLES, speech_window
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import INPUTS, OUTPUTS, Predictor
from mmdigit.training.data.splits import load_clips, load_digits
from mmdigit.training.evaluate.held_out import HeldOutLogits, decode_images, held_out_clips, held_out_images, read_folds
from mmdigit.training.evaluate.writer_folds import read_writer_folds
from mmdigit.training.fit.model import DigitModel, ModelOutput, count_parameters
from mmdigit.training.fit.onnx_file import write_onnx
from mmdigit.training.fit.predictions import predict_clips, predict_images
from mmdigit.training.fit.stage import HISTORY
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.fit.trained import load_trained_model
from mmdigit.training.output import make_folder, write_json
from mmdigit.training.release.calibration import ACCEPT_ALL, calibrate
from mmdigit.training.release.quantize import QuantizationInputs, quantize
from mmdigit.training.release.recalibrate import FILES, write_figures_and_card
from schemas.errors import DataError, WeightsError

MAX_HISTORY_BYTES = 64 * 1024 * 1024
PARITY_TOLERANCE = 1e-4  # largest difference of any output between torch and ONNX Runtime
PARITY_PAIRS = 1000
EXPORTED = (*OUTPUTS, "image_embedding", "audio_embedding")  # the worker reads OUTPUTS, the evaluation all of these
GENERATION = 3  # of the model's outputs and metadata; part of the model's version


def export_onnx(model: DigitModel, path: Path) -> None:
    """Write the model in evaluation mode as ONNX with a dynamic batch size."""
    examples = (
        torch.zeros(2, 1, IMAGE_SIDE, IMAGE_SIDE),
        torch.ones(2),
        torch.zeros(2, N_SAMPLES),
        torch.ones(2),
    )
    # Apart, so that where all images or all clips are missing, one stands for all of them.
    dynamic_axes = {name: {0: _batch_of(name)} for name in (*INPUTS, *EXPORTED)}
    write_onnx(model, examples, path, INPUTS, EXPORTED, dynamic_axes)


def _batch_of(name: str) -> str:
    if name.startswith("fused"):
        return "pairs"
    return "images" if name.startswith("image") else "clips"


def parity(model: DigitModel, predictor: Predictor, pairs: int, seed: int = 0) -> float:
    """The largest difference between torch and the exported model in any output of EXPORTED, on random pairs.

    Relative to the output where that is above 1. A quarter of the pairs lack the image, another quarter the audio.
    """
    random = np.random.default_rng(seed)
    largest = 0.0
    for start in range(0, pairs, 100):
        count = min(100, pairs - start)
        image = random.random((count, IMAGE_SIDE, IMAGE_SIDE)).astype(np.float32) ** 4
        waveform = (random.normal(size=(count, N_SAMPLES)) * random.uniform(0.001, 0.2, (count, 1))).astype(np.float32)
        missing = random.integers(0, 4, count)
        samples = [
            ModelInput(None if missing[row] == 0 else image[row], None if missing[row] == 1 else waveform[row])
            for row in range(count)
        ]
        image[missing == 0], waveform[missing == 1] = 0, 0
        with torch.no_grad():
            expected: ModelOutput = model(
                torch.from_numpy(image)[:, None],
                torch.from_numpy((missing != 0).astype(np.float32)),
                torch.from_numpy(waveform),
                torch.from_numpy((missing != 1).astype(np.float32)),
            )
        for torch_output, exported in zip(expected, predictor.outputs(samples, EXPORTED).values(), strict=True):
            output = torch_output.numpy()
            difference = np.abs(exported - output) / np.maximum(1, np.abs(output))
            largest = max(largest, float(np.nan_to_num(difference, nan=np.inf).max()))
    return largest


def write_model(
    model: DigitModel,
    path: Path,
    thresholds: dict[str, float],
    more: dict[str, Any] | None = None,
    quantize_on: QuantizationInputs | None = None,
) -> dict[str, Any]:
    """Export to path and write the metadata beside it, as Predictor.load expects. Returns the metadata.

    more: entries to add to the metadata; quantize_on: None = do not quantize.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    export_onnx(model, partial)
    if quantize_on is not None:
        quantize(partial, quantize_on)
    sha256 = hashlib.sha256(partial.read_bytes()).hexdigest()
    metadata = {
        "model_version": f"mmdigit-{GENERATION}-{sha256[:8]}",
        "sha256": sha256,
        "parameters": count_parameters(model),
        "thresholds": thresholds,
        **(more or {}),
    }
    partial.replace(path)
    write_json(path.with_suffix(".json"), metadata)
    return metadata


def set_fusion_weights(model: DigitModel, images: HeldOutLogits, clips: HeldOutLogits) -> dict[str, float]:
    """Set each modality's weight in the fusion to the inverse of its temperature. Returns these temperatures."""
    temperature = {
        "image": fit_temperature(images.logits, images.labels),
        "audio": fit_temperature(clips.logits, clips.labels),
    }
    model.fusion.weight.copy_(torch.tensor([1 / temperature["image"], 1 / temperature["audio"]]))
    return temperature


def run(
    data: Path, training: Path, folds: Path | None, output: Path, threads: int, writers: Path | None = None
) -> None:
    """Export a training's checkpoints, calibrate, and measure on the official test splits.

    folds, writers: of the studies of that name, for the calibration; None = without them. Replaces the files of the
    output folder when all are complete. Quantizes once ONNX Runtime and torch agree in floats; all figures are of the
    quantized file. Raises DataError if checkpoints, data or folds are missing, WeightsError if ONNX Runtime and torch
    do not agree.
    """
    model, plan = load_trained_model(training)
    try:
        history = [json.loads(line) for line in read_regular(training / HISTORY, MAX_HISTORY_BYTES).splitlines()]
    except (OSError, ValueError) as exc:
        raise DataError(
            f"expected the history of the training at {training / HISTORY}, cannot read it ({exc}); train again"
        ) from exc
    digits, clips = load_digits(data, "validation"), load_clips(data, "validation")
    speakers = {clip.speaker for clip in clips if clip.source == "fsdd"}
    left_out = None if folds is None else read_folds(folds, digits, sorted(speakers))
    without_writers = None if writers is None else read_writer_folds(writers)
    labels = np.array([clip.label for clip in clips], np.int64)
    plain = None if without_writers is None else without_writers.plain
    set_fusion_weights(
        model,
        held_out_images(predict_images(model.image, digits.images).logits.numpy(), digits.labels, plain),
        held_out_clips(predict_clips(model.audio, clips).logits.numpy(), labels, clips, left_out),
    )
    make_folder(output)
    with TemporaryDirectory(prefix=".export-", dir=output) as folder:
        path = Path(folder) / FILES[0]
        write_model(model, path, ACCEPT_ALL)
        floats = Predictor.load(path, threads=threads)
        difference = parity(model, floats, PARITY_PAIRS)
        if difference > PARITY_TOLERANCE:
            raise WeightsError(
                f"expected torch and ONNX Runtime to agree within {PARITY_TOLERANCE}, got {difference}; "
                "install the pinned versions of both"
            )
        sys.stderr.write(f"torch and ONNX Runtime agree within {difference:.1e} on {PARITY_PAIRS} pairs\n")
        waveforms = np.stack([speech_window(clip.waveform) for clip in clips])
        metadata = write_model(model, path, ACCEPT_ALL, quantize_on=QuantizationInputs(digits.images, waveforms))
        predictor = Predictor.load(path, threads=threads)
        quantization = _quantization_effect(floats, predictor, digits.images, waveforms)
        for head, effect in quantization.items():
            sys.stderr.write(f"quantized: {effect['changed']} of {effect['samples']} held-out {head} answers differ\n")
        calibration, validation = calibrate(predictor, digits, clips, left_out, without_writers)
        metadata |= calibration
        metadata["training"] = {
            "plan": plan.model_dump(),
            "last_epochs": {record["stage"]: record for record in history},
        }
        metadata["parity"] = {"largest_difference": difference, "pairs": PARITY_PAIRS}
        metadata["quantization"] = quantization
        metadata["validation"] = validation
        write_figures_and_card(path, metadata, data, digits, clips, threads)
        for name in FILES:
            (Path(folder) / name).replace(output / name)
    sys.stdout.write(f"{output / FILES[0]}: {metadata['model_version']}, SHA-256 {metadata['sha256']}\n")


def _quantization_effect(
    floats: Predictor, quantized: Predictor, images: NDArray[np.uint8], waveforms: NDArray[np.float32]
) -> dict[str, dict[str, Any]]:
    """For each single head, how many held-out answers change, and how far its logits move."""
    inputs = {
        "image": [ModelInput(image=image) for image in decode_images(images)],
        "audio": [ModelInput(waveform=waveform) for waveform in waveforms],
    }
    effects = {}
    for head, samples in inputs.items():
        name = f"{head}_logits"
        before, after = (predictor.outputs(samples, [name])[name] for predictor in (floats, quantized))
        effects[head] = {
            "samples": len(samples),
            "changed": int((before.argmax(axis=1) != after.argmax(axis=1)).sum()),
            "mean_logit_difference": float(np.abs(before - after).mean()),
        }
    return effects
