"""Quantise the exported picture's encoder: convolutions on 8-bit integers, which cost a third of those on floats.

Weights per channel, in seven bits: processors without dot products of bytes (AVX2) add pairs in 16 bits, which eight
would overflow, and an answer would depend on the machine. The range of each layer is what held-out digits reach.
Source: Jacob et al. 2018, https://arxiv.org/abs/1712.05877; ONNX Runtime's manual, "Quantize ONNX models".
The first convolution stays in floats, where it costs less; so does all that hears and decides.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from mmdigit.audio import N_SAMPLES
from mmdigit.predictor import INPUTS  # before ONNX Runtime itself, whose reports it switches off

CALIBRATED_ON = 512  # pictures, in batches of
BATCH = 64
ENCODER = "/image/encoder/"


def quantize(path: Path, pictures: NDArray[np.uint8]) -> None:
    """Replace the exported model by its quantised self, with the same inputs and outputs.

    pictures: (N, 28, 28), range [0, 255], 255 = ink: held-out digits, of which CALIBRATED_ON are taken at even steps.
    """
    from onnxruntime import quantization  # type: ignore[import-untyped]
    from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            chosen = pictures[np.linspace(0, len(pictures) - 1, CALIBRATED_ON).astype(np.int64)]
            self._batches = iter(np.split((chosen / 255).astype(np.float32)[:, None], CALIBRATED_ON // BATCH))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            images = next(self._batches, None)
            here, silence = np.ones(BATCH, np.float32), np.zeros((BATCH, N_SAMPLES), np.float32)
            return None if images is None else dict(zip(INPUTS, (images, here, silence, here), strict=True))

    layers = [node for node in onnx.load_model(path).graph.node if node.name.startswith(ENCODER)]
    convolutions = [node.name for node in layers if node.op_type == "Conv"]
    between = [node.name for node in layers if node.op_type in ("Relu", "MaxPool")]  # stay integers in between
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
            nodes_to_quantize=[*convolutions[1:], *between],
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        path.write_bytes(quantized.read_bytes())
    onnx.checker.check_model(str(path), full_check=True)
