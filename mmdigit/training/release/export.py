"""Export the trained model: one ONNX file, its metadata with the pinned SHA-256 and the calibration, its model card."""

import hashlib
import json
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.reading.audio.normalize import N_SAMPLES, speech_window
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import INPUTS, OUTPUTS, Predictor
from mmdigit.training.data.datasets import Clip, Digits, load_digits, load_spoken
from mmdigit.training.evaluate.held_out import Folds, decoded, held_out_sounds, read_folds
from mmdigit.training.fit.checkpoints import HISTORY, make_folder
from mmdigit.training.fit.model import DigitModel, Logits, count_parameters
from mmdigit.training.fit.train import load_checkpoint, read_clips, read_images
from mmdigit.training.release.calibration import OPEN, calibrate, fit_temperature
from mmdigit.training.release.quantize import HeldOut, quantize
from mmdigit.training.release.recalibrate import FILES, complete, write_json
from schemas.errors import DataError, WeightsError

OPSET = 17
MAX_HISTORY_BYTES = 64 * 1024 * 1024
PARITY_TOLERANCE = 1e-4  # largest difference of any output between torch and ONNX Runtime
PARITY_PAIRS = 1000
EXPORTED = (*OUTPUTS, "image_embedding", "audio_embedding")  # the worker asks for OUTPUTS, the evaluation for all
GENERATION = 2  # of the model's outputs and metadata; part of the model's version


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
    """The largest difference of any output of EXPORTED between torch and the exported model, on random pairs,
    relative to the output's size where that is above 1.

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
            ModelInput(None if missing[row] == 0 else image[row], None if missing[row] == 1 else sound[row])
            for row in range(count)
        ]
        image[missing == 0], sound[missing == 1] = 0, 0
        with torch.no_grad():
            expected: Logits = model(
                torch.from_numpy(image)[:, None],
                torch.from_numpy((missing != 0).astype(np.float32)),
                torch.from_numpy(sound),
                torch.from_numpy((missing != 1).astype(np.float32)),
            )
        for wanted, exported in zip(expected, predictor.outputs(samples, EXPORTED).values(), strict=True):
            difference = np.abs(exported - wanted.numpy()) / np.maximum(1, np.abs(wanted.numpy()))
            largest = max(largest, float(np.nan_to_num(difference, nan=np.inf).max()))
    return largest


def write_model(
    model: DigitModel,
    path: Path,
    thresholds: dict[str, float],
    more: dict[str, Any] | None = None,
    held_out: HeldOut | None = None,
) -> dict[str, Any]:
    """Export to path and write the metadata beside it, as Predictor.load wants them; returns the metadata.

    held_out: what to quantise on; None = all stays in floats.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    export_onnx(model, partial)
    if held_out is not None:
        quantize(partial, held_out)
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


def weigh(model: DigitModel, digits: Digits, clips: list[Clip], folds: Folds | None = None) -> dict[str, float]:
    """Give each modality its weight in the fusion: the inverse of its temperature, fitted on held-out answers.

    digits, clips: the validation split; folds: as calibrate takes them. Returns the temperatures of image and audio.
    """
    labels = np.array([clip.label for clip in clips], np.int64)
    heard = held_out_sounds(read_clips(model.audio, clips).logits.numpy(), labels, clips, folds)
    temperature = {
        "image": fit_temperature(read_images(model.image, digits.pictures).logits.numpy(), digits.labels),
        "audio": fit_temperature(heard.logits, heard.labels),
    }
    model.fusion.weight.copy_(torch.tensor([1 / temperature["image"], 1 / temperature["audio"]]))
    return temperature


def run(data: Path, training: Path, folds: Path | None, output: Path, threads: int) -> None:
    """`mmdigit export`: checkpoint to ONNX, metadata and model card; measured on the official test splits.

    folds: of the leave-one-speaker-out trainings, for the calibration; None = without them. The files of the output
    folder are replaced when all is done, and not before.
    The convolutions are quantised once ONNX Runtime and torch agree in floats; all figures are of what is shipped.
    Raises DataError without a checkpoint, data or folds, WeightsError if ONNX Runtime and torch do not agree.
    """
    model, plan = load_checkpoint(training)
    try:
        history = [json.loads(line) for line in read_regular(training / HISTORY, MAX_HISTORY_BYTES).splitlines()]
    except (OSError, ValueError) as exc:
        raise DataError(f"expected the history of the training at {training / HISTORY} ({exc}); train again") from exc
    digits, clips = load_digits(data, "validation"), load_spoken(data, "validation")
    speakers = {clip.speaker for clip in clips if clip.source == "fsdd"}
    left_out = None if folds is None else read_folds(folds, digits, sorted(speakers))
    weigh(model, digits, clips, left_out)
    make_folder(output)
    with TemporaryDirectory(prefix=".export-", dir=output) as folder:
        path = Path(folder) / FILES[0]
        write_model(model, path, OPEN)
        floats = Predictor.load(path, threads=threads)
        difference = parity(model, floats, PARITY_PAIRS)
        if difference > PARITY_TOLERANCE:
            raise WeightsError(f"expected torch and ONNX Runtime to agree within {PARITY_TOLERANCE}, got {difference}")
        sys.stderr.write(f"torch and ONNX Runtime agree within {difference:.1e} on {PARITY_PAIRS} pairs\n")
        sounds = np.stack([speech_window(clip.waveform) for clip in clips])
        metadata = write_model(model, path, OPEN, held_out=HeldOut(digits.pictures, sounds))
        predictor = Predictor.load(path, threads=threads)
        quantization = _changed_by_quantization(floats, predictor, digits.pictures, sounds)
        for head, effect in quantization.items():
            sys.stderr.write(
                "quantised: {changed} of {samples} held-out answers differ".format(**effect) + f", {head}\n"
            )
        calibration, validation = calibrate(predictor, digits, clips, left_out)
        metadata |= calibration
        metadata["training"] = {
            "plan": plan.model_dump(),
            "last_epochs": {record["stage"]: record for record in history},
        }
        metadata["parity"] = {"largest_difference": difference, "pairs": PARITY_PAIRS}
        metadata["quantization"] = quantization
        metadata["validation"] = validation
        complete(path, metadata, data, digits, clips, threads)
        for name in FILES:
            (Path(folder) / name).replace(output / name)
    sys.stdout.write(f"{output / FILES[0]}: {metadata['model_version']}, SHA-256 {metadata['sha256']}\n")


def _changed_by_quantization(
    floats: Predictor, quantized: Predictor, pictures: NDArray[np.uint8], sounds: NDArray[np.float32]
) -> dict[str, dict[str, Any]]:
    """Of each head alone, how many held-out samples it answers differently, and how far its logits move."""
    alone = {
        "image": [ModelInput(image=image) for image in decoded(pictures)],
        "audio": [ModelInput(waveform=sound) for sound in sounds],
    }
    effects = {}
    for head, samples in alone.items():
        name = f"{head}_logits"
        before, after = (predictor.outputs(samples, [name])[name] for predictor in (floats, quantized))
        effects[head] = {
            "samples": len(samples),
            "changed": int((before.argmax(axis=1) != after.argmax(axis=1)).sum()),
            "mean_logit_difference": float(np.abs(before - after).mean()),
        }
    return effects
