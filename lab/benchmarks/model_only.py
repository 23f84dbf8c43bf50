"""What does the model alone cost? Microseconds of CPU per job on decoded inputs, one thread, by batch size.

    python -m lab.benchmarks.model_only [--json] [--output FILE] [--repetitions N] [--weights FILE] [--beside FILE]

ONNX Runtime runs the shipped file whole and in parts: log-mel spectrogram, audio encoder, image encoder. PyTorch, eager
and compiled, runs a model of the same shape with random weights, which cost the same. --beside runs another file in
turns with it: what one costs, divided by what the other does.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.utils
import torch

from lab.kit.machine import machine, machine_line
from lab.kit.report import arguments, progress, show
from lab.kit.spread import Spread, format_spread, spread
from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.image.decode import IMAGE_SIDE
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor, open_session
from mmdigit.settings.program import run_program
from mmdigit.training.fit.model import DigitModel

BATCH_SIZES = (1, 8, 32, 128)
REPETITIONS = 7
WARM_UP_REPETITIONS = 2
JOBS_A_REPETITION = 512
PACKAGES = ("onnxruntime", "torch", "numpy")
PARTS = {
    "log-mel": (["waveform"], ["log_mel"]),
    "audio": (["waveform"], ["audio_logits", "audio_novelty_logit"]),
    "image": (["image"], ["image_logits", "image_novelty_logit"]),
}
"""Inputs and outputs of each part of the exported file."""

Run = Callable[[int], object]
"""Predicts a batch of that many jobs."""


def compare(weights: Path, repetitions: int = REPETITIONS, beside: Path | None = None) -> dict[str, object]:
    """Microseconds of CPU per job of each way to run the model, by batch size. beside: a file to compare with."""
    predictor = Predictor.load(weights)
    ways: dict[str, Run] = {"predictor": _predictor(predictor)}
    ways |= {f"ONNX Runtime: {name}": run for name, run in _parts(weights).items()}
    torch.set_num_threads(1)
    model = DigitModel().eval()
    ways["torch eager"] = _torch(model)
    ways["torch.compile"] = _torch(torch.compile(model))
    figures: dict[str, dict[str, dict[str, float] | str]] = {}
    for name, run in progress(ways.items(), "running"):
        try:
            figures[name] = {str(size): measure(run, size, repetitions) for size in BATCH_SIZES}
        except torch._dynamo.exc.TorchDynamoException as exc:  # no C++ compiler, say
            figures[name] = dict.fromkeys(map(str, BATCH_SIZES), f"cannot run here: {str(exc).splitlines()[0][:120]}")
    return {
        "command": "python -m lab.benchmarks.model_only",
        "machine": machine(PACKAGES),
        "settings": {"threads": 1, "repetitions": repetitions, "jobs_a_repetition": JOBS_A_REPETITION},
        "model_version": predictor.model_version,
        "cpu_us_per_job": figures,
        **({} if beside is None else {"beside": _beside(weights, beside, repetitions)}),
    }


def _beside(weights: Path, other: Path, repetitions: int) -> dict[str, object]:
    """What the first file costs in ONNX Runtime, divided by what the other does, in turns; by batch size."""
    runs = [_parts(path)["whole"] for path in (weights, other)]
    ratios = {}
    for size in BATCH_SIZES:
        turns = [[measure(run, size, 1)["median"] for run in runs] for _ in range(2 * repetitions)]
        ratios[str(size)] = spread([first / second for first, second in turns])
    return {"model_version": Predictor.load(other).model_version, "ratio": ratios}


def measure(run: Run, size: int, repetitions: int) -> Spread:
    """Microseconds of CPU per job in batches of this size: the spread over the repetitions."""
    figures_us = []
    for repetition in range(WARM_UP_REPETITIONS + repetitions):
        began_s = time.process_time()
        for _ in range(JOBS_A_REPETITION // size):
            run(size)
        if repetition >= WARM_UP_REPETITIONS:
            figures_us.append((time.process_time() - began_s) / JOBS_A_REPETITION * 1e6)
    return spread(figures_us)


def _inputs(size: int) -> dict[str, Any]:
    """Noise, as the cost does not depend on the values; deterministic."""
    random = np.random.default_rng(0)
    return {
        "image": random.random((size, 1, IMAGE_SIDE, IMAGE_SIDE)).astype(np.float32),
        "image_present": np.ones(size, np.float32),
        "waveform": random.normal(0, 0.1, (size, N_SAMPLES)).astype(np.float32),
        "audio_present": np.ones(size, np.float32),
    }


def _predictor(predictor: Predictor) -> Run:
    """As the worker calls it: a list of inputs in, answers out."""
    inputs = {size: _inputs(size) for size in BATCH_SIZES}
    samples = {
        size: [ModelInput(*pair) for pair in zip(values["image"][:, 0], values["waveform"], strict=True)]
        for size, values in inputs.items()
    }
    return lambda size: predictor.predict(samples[size])


def _parts(weights: Path) -> dict[str, Run]:
    """The exported file, whole and cut into PARTS."""
    model = onnx.load_model(weights)
    log_mel = [node for node in model.graph.node if node.name.startswith("/log_mel/")][-1]
    cuts = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model))
    inputs = {size: _inputs(size) for size in BATCH_SIZES}
    found = {"whole": _session(model, [entry.name for entry in model.graph.input], inputs)}
    for name, (first, last) in PARTS.items():
        part = cuts.extract_model(first, [log_mel.output[0] if output == "log_mel" else output for output in last])
        found[name] = _session(part, first, inputs)
    return found


def _session(model: Any, names: Sequence[str], inputs: dict[int, dict[str, Any]]) -> Run:
    session = open_session(model.SerializeToString(), threads=1)
    feeds = {size: {name: values[name] for name in names} for size, values in inputs.items()}
    return lambda size: session.run(None, feeds[size])


def _torch(model: Callable[..., object]) -> Run:
    inputs = {size: [torch.from_numpy(values) for values in _inputs(size).values()] for size in BATCH_SIZES}

    def run(size: int) -> object:
        with torch.inference_mode():
            return model(*inputs[size])

    return run


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("python -m lab.benchmarks.model_only", _main, argv)


def _main(argv: Sequence[str]) -> int:
    parser = arguments("lab.benchmarks.model_only", __doc__, on_data=False)
    help_ = "repetitions, besides a warm-up (default: %(default)s)"
    parser.add_argument("--repetitions", type=int, metavar="N", default=REPETITIONS, help=help_)
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, metavar="FILE", help="ONNX file (default: the shipped one)"
    )
    parser.add_argument("--beside", type=Path, metavar="FILE", help="another exported file, to compare with in turns")
    options = parser.parse_args(argv)
    return show(options, compare(options.weights, options.repetitions, options.beside), _table)


def _table(result: dict[str, Any]) -> str:
    lines = [
        machine_line(result["machine"]),
        f"{result['model_version']}: microseconds of CPU per job, one thread; median (min-max) of "
        f"{result['settings']['repetitions']}",
        f"{'batch size':>24}" + "".join(f"{size:>22}" for size in BATCH_SIZES),
    ]
    for name, by_size in result["cpu_us_per_job"].items():
        cells = [cell if isinstance(cell, str) else format_spread(cell) for cell in by_size.values()]
        cells = cells[:1] if isinstance(by_size["1"], str) else cells
        lines.append(f"{name:>24}" + "".join(f"{cell:>22}" for cell in cells))
    if beside := result.get("beside"):
        cells = [format_spread(cell, ".2f") for cell in beside["ratio"].values()]
        lines.append(f"{'/ ' + beside['model_version']:>24}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
