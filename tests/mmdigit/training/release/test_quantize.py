"""Quantized models give nearly the same logits, in any batch."""

from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from mmdigit.reading.audio.normalize import N_SAMPLES
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.release.calibration import ACCEPT_ALL
from mmdigit.training.release.export import EXPORTED, write_model
from mmdigit.training.release.quantize import QuantizationInputs
from tests.mmdigit.clips import mnist_like
from tests.mmdigit.training.release.test_export import some_model

IMAGES = np.stack([mnist_like(number) for number in range(600)])
WAVEFORMS = np.random.default_rng(1).normal(0, 0.1, (40, N_SAMPLES)).astype(np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Predictor, Path]:
    """The same model in floats and quantised, and the file of the latter."""
    folder, model = tmp_path_factory.mktemp("models"), some_model()
    write_model(model, folder / "floats.onnx", ACCEPT_ALL)
    write_model(model, folder / "quantized.onnx", ACCEPT_ALL, quantize_on=QuantizationInputs(IMAGES, WAVEFORMS))
    return (*(Predictor.load(folder / f"{name}.onnx") for name in ("floats", "quantized")), folder / "quantized.onnx")  # type: ignore[return-value]


def some_samples(count: int) -> list[ModelInput]:
    waveforms = np.random.default_rng(0).normal(0, 0.1, (count, N_SAMPLES)).astype(np.float32)
    return [ModelInput((IMAGES[row] / 255).astype(np.float32), waveforms[row]) for row in range(count)]


def test_quantize_keeps_only_the_first_image_convolution(models: tuple[Predictor, Predictor, Path]) -> None:
    kinds = [node.op_type for node in onnx.load_model(models[2]).graph.node]
    # Three of the image encoder, three of the audio encoder.
    assert (kinds.count("QLinearConv"), kinds.count("Conv")) == (6, 1)


def test_quantize_uses_at_most_seven_bits(models: tuple[Predictor, Predictor, Path]) -> None:
    """Pairs of products, 2 * 255 * 64, stay within 16 bits: the same answer with and without byte dot products."""
    graph = onnx.load_model(models[2]).graph
    weights = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    quantized = [weights[node.input[3]] for node in graph.node if node.op_type == "QLinearConv"]
    assert [values.dtype for values in quantized] == [np.int8] * 6
    assert all(32 <= np.abs(values.astype(int)).max() <= 64 for values in quantized)


def test_quantize_moves_the_logits_little(models: tuple[Predictor, Predictor, Path]) -> None:
    floats, quantized = (model.outputs(some_samples(100), EXPORTED) for model in models[:2])
    for name in ("image_logits", "audio_logits"):
        moved = np.abs(quantized[name] - floats[name]).mean()
        assert 0 < moved < 0.05 * floats[name].std()


def test_quantized_answers_do_not_depend_on_the_batch(models: tuple[Predictor, Predictor, Path]) -> None:
    samples = some_samples(33)
    batched = models[1].outputs(samples, EXPORTED)
    for row in (0, 17, 32):
        alone = models[1].outputs(samples[row : row + 1], EXPORTED)
        for name in EXPORTED:
            np.testing.assert_allclose(alone[name][0], batched[name][row], rtol=1e-5, atol=1e-5)
