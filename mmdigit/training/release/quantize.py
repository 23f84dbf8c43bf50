"""Quantise the exported model's convolutions: on 8-bit integers they cost a third of those on floats.

Weights per channel, in seven bits: processors without dot products of bytes (AVX2) add pairs in 16 bits, which eight
would overflow, and an answer would depend on the machine. The range of each layer is what held-out samples reach.
Source: Jacob et al. 2018, https://arxiv.org/abs/1712.05877; ONNX Runtime's manual, "Quantize ONNX models".
The pictures' first convolution stays in floats, where it costs less; so do the recurrent layer and all that decides.
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

CALIBRATED_ON = 512  # pictures and sounds, in batches of
BATCH = 64
SEES, HEARS = "/image/encoder/", "/audio/encoder/"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the ranges are taken of: digits that training does not read.

    pictures: (N, 28, 28), range [0, 255], 255 = ink; sounds: (M, N_SAMPLES), as decode_audio gives them.
    """

    pictures: NDArray[np.uint8]
    sounds: NDArray[np.float32]

    def batches(self) -> Iterator[dict[str, NDArray[np.float32]]]:
        """CALIBRATED_ON pairs, taken at even steps."""
        images, sounds = _evenly(self.pictures)[:, None] / np.float32(255), _evenly(self.sounds)
        here = np.ones(BATCH, np.float32)
        for start in range(0, CALIBRATED_ON, BATCH):
            some = slice(start, start + BATCH)
            yield dict(zip(INPUTS, (images[some], here, sounds[some], here), strict=True))


def _evenly(samples: NDArray[Any]) -> NDArray[np.float32]:
    """CALIBRATED_ON of them; the same one more than once, if they are fewer."""
    return samples[np.linspace(0, len(samples) - 1, CALIBRATED_ON).astype(np.int64)].astype(np.float32)


def quantize(path: Path, held_out: HeldOut) -> None:
    """Replace the exported model by its quantised self, with the same inputs and outputs."""
    from onnxruntime import quantization  # type: ignore[import-untyped]
    from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = held_out.batches()

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
            nodes_to_quantize=_chosen(path),
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        path.write_bytes(quantized.read_bytes())
    onnx.checker.check_model(str(path), full_check=True)


def _chosen(path: Path) -> list[str]:
    """The convolutions but the pictures' first, and what stays integers in between."""
    nodes = onnx.load_model(path).graph.node
    sees = [node for node in nodes if node.name.startswith(SEES)]
    hears = [node for node in nodes if node.name.startswith(HEARS)]
    recurrent = next(place for place, node in enumerate(hears) if node.op_type == "GRU")
    return [
        *[node.name for node in sees if node.op_type == "Conv"][1:],
        *(node.name for node in sees if node.op_type in ("Relu", "MaxPool")),
        *(node.name for node in hears[:recurrent] if node.op_type in ("Conv", "Relu", "Add")),
    ]
