"""The last layer of a head: read from and written to the file that is shipped, fitted to its digits or kept near."""

import numpy as np
import onnx
import pytest

from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor, open_session
from mmdigit.training.release.last_layers import LastLayer, fit_last_layer, read_last_layer, replace_last_layers
from schemas.errors import WeightsError

RANDOM = np.random.default_rng(1)
MODEL = onnx.load_model(WEIGHTS)


def samples(count: int) -> list[ModelInput]:
    images, waveforms = RANDOM.random((count, 28, 28)) ** 4, RANDOM.normal(0, 0.1, (count, 8000))
    return [
        ModelInput(image.astype(np.float32), waveform.astype(np.float32))
        for image, waveform in zip(images, waveforms, strict=True)
    ]


@pytest.mark.parametrize("head", ["image", "audio"])
def test_layer_is_that_of_the_file(head: str) -> None:
    outputs = Predictor.load().outputs(samples(16), [f"{head}_embedding", f"{head}_logits"])
    np.testing.assert_allclose(
        read_last_layer(MODEL, head).logits(outputs[f"{head}_embedding"]), outputs[f"{head}_logits"], atol=1e-4
    )


def test_replaced_layer_answers_and_the_other_stays() -> None:
    layer = read_last_layer(MODEL, "image")
    changed = replace_last_layers(MODEL, {"image": LastLayer(2 * layer.weight, 2 * layer.bias)})
    feed = {
        "image": RANDOM.random((4, 1, 28, 28)).astype(np.float32), "image_present": np.ones(4, np.float32),
        "waveform": RANDOM.normal(0, 0.1, (4, 8000)).astype(np.float32), "audio_present": np.ones(4, np.float32),
    }  # fmt: skip
    names = ["image_logits", "audio_logits", "fused_logits"]
    before, after = (
        dict(zip(names, open_session(each.SerializeToString(), 1).run(names, feed), strict=True))
        for each in (MODEL, changed)
    )
    np.testing.assert_allclose(after["image_logits"], 2 * before["image_logits"], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(after["audio_logits"], before["audio_logits"])
    assert float(np.abs(after["fused_logits"] - before["fused_logits"]).max()) > 0.1


def test_file_without_the_layer_is_one_line() -> None:
    with pytest.raises(WeightsError, match=r"the layer 'image.head.weight', got another"):
        read_last_layer(onnx.ModelProto(), "image")


def test_fitted_layer_unlearns_unless_pulled() -> None:
    labels = RANDOM.integers(0, 10, 2000)
    embedding = (np.eye(10)[labels] + RANDOM.normal(0, 0.2, (2000, 10))).astype(np.float32)
    swapped = np.eye(10)[[0, 7, 2, 3, 4, 5, 6, 1, 8, 9]]  # a layer that takes 1 for 7 and 7 for 1
    start = LastLayer(4 * swapped, np.zeros(10))

    def right(layer: LastLayer) -> float:
        return float((layer.logits(embedding).argmax(axis=1) == labels).mean())

    assert right(start) == pytest.approx(0.8, abs=0.04)
    assert right(fit_last_layer(start, embedding, labels, 1e-3)) > 0.97
    kept = fit_last_layer(start, embedding, labels, 1e4)
    np.testing.assert_allclose(kept.weight, start.weight, atol=1e-3)
