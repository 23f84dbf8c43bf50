"""Export: torch and ONNX Runtime agree for every batch size and with a modality missing."""

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from mmdigit.reading.predictor import Predictor  # noqa: E402
from mmdigit.training.fit.model import DigitModel, ModelOutput  # noqa: E402
from mmdigit.training.release.calibration import ACCEPT_ALL  # noqa: E402
from mmdigit.training.release.export import EXPORTED, PARITY_TOLERANCE, parity, write_model  # noqa: E402


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
