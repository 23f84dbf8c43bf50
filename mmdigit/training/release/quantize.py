"""Quantizes the exported model's convolutions to 8-bit integers, on which they cost a third as much as on floats.

Weights are quantized per channel, to seven bits: processors without byte dot products (AVX2) add pairs in 16 bits,
which eight-bit weights would overflow, and answers would depend on the machine. The range of each layer is the range
on held-out inputs. The image encoder's first convolution stays in floats, where it is faster; so do the recurrent layer
and the heads.
Source: Jacob et al. 2018, https://arxiv.org/abs/1712.05877; ONNX Runtime's manual, "Quantize ONNX models".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mmdigit.reading.predictor import INPUTS

N_INPUTS = 512  # images and clips that the ranges are measured on
BATCH = 64
IMAGE_ENCODER, AUDIO_ENCODER = "/image/encoder/", "/audio/encoder/"  # prefixes of node names


@dataclass(frozen=True, eq=False)
class QuantizationInputs:
    """The held-out digits that the ranges are measured on.

    images: (N, 28, 28), range [0, 255], 255 = ink; waveforms: (M, N_SAMPLES), as decode_audio returns them.
    """

    images: NDArray[np.uint8]
    waveforms: NDArray[np.float32]

    def batches(self) -> Iterator[dict[str, NDArray[np.float32]]]:
        """N_INPUTS images and clips, evenly spaced."""
        images, waveforms = _evenly_spaced(self.images)[:, None] / np.float32(255), _evenly_spaced(self.waveforms)
        present = np.ones(BATCH, np.float32)
        for start in range(0, N_INPUTS, BATCH):
            rows = slice(start, start + BATCH)
            yield dict(zip(INPUTS, (images[rows], present, waveforms[rows], present), strict=True))


def _evenly_spaced(inputs: NDArray[Any]) -> NDArray[np.float32]:
    """N_INPUTS of them, repeated if there are fewer."""
    return inputs[np.linspace(0, len(inputs) - 1, N_INPUTS).astype(np.int64)].astype(np.float32)


def quantize(path: Path, inputs: QuantizationInputs) -> None:
    """Replace the exported model by a quantized one with the same inputs and outputs."""
    from onnxruntime import quantization  # type: ignore[import-untyped]
    from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = inputs.batches()

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with TemporaryDirectory() as folder:
        shaped, quantized = Path(folder) / "shaped.onnx", Path(folder) / "quantized.onnx"
        quant_pre_process(path, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantization.quantize_static(
            shaped,
            quantized,
            Reader(),
            quant_format=quantization.QuantFormat.QOperator,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_quantize=_nodes_to_quantize(path),
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        path.write_bytes(quantized.read_bytes())
    onnx.checker.check_model(str(path), full_check=True)


def _nodes_to_quantize(path: Path) -> list[str]:
    """The names of all convolutions except the image encoder's first, and of the operators between them."""
    nodes = onnx.load_model(path).graph.node
    image = [node for node in nodes if node.name.startswith(IMAGE_ENCODER)]
    audio = [node for node in nodes if node.name.startswith(AUDIO_ENCODER)]
    recurrent = next(index for index, node in enumerate(audio) if node.op_type == "GRU")
    return [
        *[node.name for node in image if node.op_type == "Conv"][1:],
        *(node.name for node in image if node.op_type in ("Relu", "MaxPool")),
        *(node.name for node in audio[:recurrent] if node.op_type in ("Conv", "Relu", "Add")),
    ]
