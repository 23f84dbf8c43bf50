"""Export: torch and ONNX Runtime agree for every batch size and with a modality missing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.reading import predictor as predictor_module  # noqa: E402
from mmdigit.reading.model_input import ModelInput  # noqa: E402
from mmdigit.reading.predictor import Predictor  # noqa: E402
from mmdigit.training.fit.model import DigitModel, ModelOutput  # noqa: E402
from mmdigit.training.release.calibration import ACCEPT_ALL  # noqa: E402
from mmdigit.training.release.export import EXPORTED, PARITY_TOLERANCE, parity, write_model  # noqa: E402
from mmdigit.training.release.quantize import QuantizationInputs  # noqa: E402


def some_model() -> DigitModel:
    torch.manual_seed(0)
    model = DigitModel()
    with torch.no_grad():  # statistics and scales other than their beginning, as training leaves them
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.uniform_(-0.2, 0.2)
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
    return model


def test_write_model_agrees_with_torch(tmp_path: Path) -> None:
    model = some_model()
    path = tmp_path / "m.onnx"
    metadata = write_model(model, path, ACCEPT_ALL, {"note": "made up"})
    predictor = Predictor.load(path)
    assert predictor.model_version == metadata["model_version"]
    assert json.loads(path.with_suffix(".json").read_text()) == metadata
    assert parity(model, predictor, pairs=150) < PARITY_TOLERANCE
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.json", "m.onnx"]


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("missing", ["image", "waveform"])
def test_encoder_of_a_modality_that_all_lack_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, quantized: bool
) -> None:
    random = np.random.default_rng(1)
    images, waveforms = (
        random.random((9, 28, 28)).astype(np.float32),
        random.normal(0, 0.1, (9, 8000)).astype(np.float32),
    )
    ranges = QuantizationInputs((255 * images).astype(np.uint8), waveforms) if quantized else None
    write_model(some_model(), tmp_path / "m.onnx", ACCEPT_ALL, quantize_on=ranges)
    predictor = Predictor.load(tmp_path / "m.onnx")
    rows: list[int] = []
    whole = predictor_module._feed

    def feed(inputs: Sequence[ModelInput], skip_missing: bool) -> dict[str, Any]:
        fed = whole(inputs, skip_missing)
        rows.append(len(fed[missing]))
        return fed

    monkeypatch.setattr(predictor_module, "_feed", feed)
    pairs = [ModelInput(image, waveform) for image, waveform in zip(images, waveforms, strict=True)]
    alone = [ModelInput(waveform=each.waveform) if missing == "image" else ModelInput(each.image) for each in pairs]
    other = "audio" if missing == "image" else "image"
    for count in (9, 1, 5):
        fewer, both = (predictor.outputs(each[:count]) for each in (alone, pairs))
        for name in (f"{other}_logits", f"{other}_novelty_logit"):
            np.testing.assert_allclose(fewer[name], both[name], atol=1e-4)
        assert {len(values) for values in fewer.values()} == {count}
        assert [answer.label for answer in predictor.predict(alone[:count])] == both[f"{other}_logits"].argmax(
            axis=1
        ).tolist()
    assert rows == [1, 9, 1, 1, 1, 1, 1, 5, 1]


@pytest.mark.parametrize("name", EXPORTED)
def test_parity_checks_every_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    model = some_model()
    write_model(model, tmp_path / "m.onnx", ACCEPT_ALL)
    predictor = Predictor.load(tmp_path / "m.onnx")
    whole = DigitModel.forward

    def shifted(self: DigitModel, *parts: Any) -> ModelOutput:
        outputs = list(whole(self, *parts))
        outputs[EXPORTED.index(name)] = outputs[EXPORTED.index(name)] + 0.01
        return ModelOutput(*outputs)

    assert parity(model, predictor, pairs=8) < PARITY_TOLERANCE
    monkeypatch.setattr(DigitModel, "forward", shifted)
    assert parity(model, predictor, pairs=8) > PARITY_TOLERANCE


def test_parity_fails_on_nan(tmp_path: Path) -> None:
    model = some_model()
    with torch.no_grad():
        model.audio.head.weight.fill_(float("nan"))
    write_model(model, tmp_path / "m.onnx", ACCEPT_ALL)
    assert parity(model, Predictor.load(tmp_path / "m.onnx"), pairs=8) > PARITY_TOLERANCE
