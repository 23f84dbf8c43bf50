"""The last layer of a head, fitted to more digits: logistic regression, pulled towards the weights that it began with.

The layers are those of the exported file, which stay in floats when the others are quantized. Needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from mmdigit.reading.decision import softmax
from schemas.errors import WeightsError

STEPS = 150  # of the accelerated gradient
PART = 200  # digits multiplied at once: OpenBLAS gives larger products to threads, which took 3 to 100 times as long
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LastLayer:
    """logits = embedding @ weight.T + bias. weight: (10, EMBEDDING); bias: (10,)."""

    weight: Floats
    bias: Floats

    def logits(self, embedding: NDArray[np.float32]) -> Floats:
        """(N, EMBEDDING) to (N, 10)."""
        return np.asarray(embedding.astype(np.float64) @ self.weight.T + self.bias, np.float64)


def read_last_layer(model: onnx.ModelProto, head: str) -> LastLayer:
    """head: image or audio. Raises WeightsError if the model has no such layer, as those of generation 1."""
    weights = {entry.name: onnx.numpy_helper.to_array(entry) for entry in model.graph.initializer}
    try:
        weight, bias = (weights[f"{head}.head.{part}"].astype(np.float64) for part in ("weight", "bias"))
    except KeyError as exc:
        raise WeightsError(f"expected a model with the layer {exc}, got another; export it again") from exc
    return LastLayer(weight, bias)


def replace_last_layers(model: onnx.ModelProto, layers: Mapping[str, LastLayer]) -> onnx.ModelProto:
    """A copy of the model with these heads' last layers."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    parts = {f"{head}.head.weight": layer.weight for head, layer in layers.items()}
    parts |= {f"{head}.head.bias": layer.bias for head, layer in layers.items()}
    for entry in changed.graph.initializer:
        if entry.name in parts:
            entry.CopyFrom(onnx.numpy_helper.from_array(parts[entry.name].astype(np.float32), entry.name))
    return changed


def fit_last_layer(
    start: LastLayer, embedding: NDArray[np.float32], labels: NDArray[np.int64], pull: float
) -> LastLayer:
    """The layer with the least mean cross-entropy plus pull / 2 times the squared change of its weights.

    embedding: (N, EMBEDDING); labels: (N,), 0-9; pull: above 0; a larger one changes less. The loss is convex: the
    result does not depend on chance. Source: Nesterov 1983, the accelerated gradient.
    """
    inputs = np.hstack([embedding.astype(np.float64), np.ones((len(embedding), 1))])
    first = np.hstack([start.weight, start.bias[:, None]])
    truth = np.eye(10)[labels]
    steepness = 0.5 * float(np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1]) + pull
    parts = [slice(start, start + PART) for start in range(0, len(inputs), PART)]
    current = ahead = first
    momentum = 1.0
    for _ in range(STEPS):
        doubts = [(softmax(inputs[part] @ ahead.T) - truth[part]).T @ inputs[part] for part in parts]
        gradient = np.sum(doubts, axis=0) / len(inputs) + pull * (ahead - first)
        following = ahead - gradient / steepness
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / next_momentum * (following - current)
        current, momentum = following, next_momentum
    return LastLayer(current[:, :-1], current[:, -1])
