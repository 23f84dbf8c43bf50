"""A tiny model with the inputs and outputs of the real one, whose answers a test can dictate.

The image logits are 20 times the first ten pixels of the first row, the audio logits 20 times the first ten samples,
and the fused logits their sum. Both novelties are far below one half.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mmdigit.reading.audio.normalize import N_SAMPLES

GOLDEN = Path(__file__).parent / "golden"
SCALE = 20.0


def save(path: Path, metadata: dict[str, Any], *, embeddings: bool = True) -> Path:
    """Write the model and its metadata with the model's SHA-256. embeddings: with the outputs of generation 2."""
    outputs: dict[str, list[int]] = {name: [10] for name in ("image_logits", "audio_logits", "fused_logits")}
    outputs |= {"image_novelty_logit": [], "audio_novelty_logit": []}
    outputs |= {"image_embedding": [10], "audio_embedding": [10]} if embeddings else {}
    constants = {
        **{"scale": np.float32(SCALE), "far_below": np.float32(-9), "nothing": np.float32(0)},
        **{"first": np.array([0, 0, 0]), "last": np.array([1, 1, 10]), "image_axes": np.array([1, 2, 3])},
        **{"one": np.array([0]), "ten": np.array([10]), "audio_axes": np.array([1]), "flat": np.array([-1, 10])},
    }
    nodes = [
        helper.make_node("Slice", ["image", "first", "last", "image_axes"], ["pixels"]),
        helper.make_node("Reshape", ["pixels", "flat"], ["image_embedding"]),
        helper.make_node("Slice", ["waveform", "one", "ten", "audio_axes"], ["audio_embedding"]),
        helper.make_node("Mul", ["image_embedding", "scale"], ["image_logits"]),
        helper.make_node("Mul", ["audio_embedding", "scale"], ["audio_logits"]),
        helper.make_node("Add", ["image_logits", "audio_logits"], ["fused_logits"]),
    ]
    for name in ("image", "audio"):
        nodes.append(helper.make_node("Mul", [f"{name}_present", "nothing"], [f"{name}_zero"]))
        nodes.append(helper.make_node("Add", [f"{name}_zero", "far_below"], [f"{name}_novelty_logit"]))
    shapes = {"image": [1, 28, 28], "image_present": [], "waveform": [N_SAMPLES], "audio_present": []}

    def tensor(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    graph = helper.make_graph(
        nodes,
        "small",
        [tensor(name, shape) for name, shape in shapes.items()],
        [tensor(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    path.write_bytes(content)
    path.with_suffix(".json").write_text(json.dumps(metadata | {"sha256": hashlib.sha256(content).hexdigest()}))
    return path


def generation_1() -> dict[str, Any]:
    """The metadata of the first release."""
    return dict(json.loads((GOLDEN / "mmdigit-1-6c1f64a6.json").read_text()))


def generation_2() -> dict[str, Any]:
    """Temperatures and risk tables: that of the image meets a target error of 0.001, that of the audio none."""
    rows = [(0.0, 1.0, 0.01, 0.012), (0.9, 0.95, 0.0004, 0.0009), (0.99, 0.8, 0.0001, 0.0004)]
    few = [(0.0, 1.0, 0.02, 0.09), (0.95, 0.7, 0.0, 0.04), (0.98, 0.4, 0.0, 0.07), (0.999, 0.3, 0.0, 0.1)]
    return {
        "model_version": "mmdigit-2-00000000",
        "thresholds": {"agreement": 0.05, "image_novelty": 0.5, "audio_novelty": 0.5},
        "temperature": {"image": 2.0, "audio": 0.5, "fused": 1.0},
        "risk": {
            head: {"split": "made up", "total": 100, "rows": [dict(zip(NAMES, row, strict=True)) for row in table]}
            for head, table in (("image", rows), ("audio", few), ("fused", rows))
        },
    }


NAMES = ("confidence", "coverage", "error", "bound")
