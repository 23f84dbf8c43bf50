"""`mmdigit train` and `mmdigit export` from end to end, on made-up data."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from mmdigit import cli
from mmdigit.decision import Thresholds
from mmdigit.predictor import Predictor
from mmdigit.training import export, train
from mmdigit.training.train import CHECKPOINT, TrainingPlan
from tests.mmdigit.training import made_up

SMALL = TrainingPlan(epochs=2, batch_size=32, speeds=(1.0,), spoken_digits=0, spoken_words=0, mixed_precision=False)
THRESHOLDS = Thresholds(0.9, 0.8, 0.7, 0.3, 0.5, 0.6)
SHARE = {
    "split": "made up",
    "right": 9,
    "total": 10,
    "accuracy": 0.9,
    "interval_95": [0.6, 0.98],
    "interval_by": "Wilson",
}
REPORT = {
    "measured_at": "2026-01-01T00:00:00+00:00",
    "image": SHARE,
    "audio": SHARE,
    "audio_by_speaker": {"ann": 0.9},
    "fused": SHARE,
    "accepted_pairs": {"coverage": 0.9, "error": 0.0},
    "conflict": {"split": "made up", "detected": 0.99, "reviewed": 1.0},
    "wrong_images": [],
}
ANSWERED = {"total": 10, "accuracy": 0.9, "accepted": 0.8, "error_of_accepted": 0.0}


def test_train_resume_and_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "load_sets", lambda *_: made_up.sets(64))
    monkeypatch.setattr(train, "QUICK", SMALL)
    training, output = tmp_path / "runs" / "train", tmp_path / "weights"
    arguments = ["train", "--quick", "--data", "none", "--output", str(training), "--threads", "1"]
    assert cli.main(arguments) == 0
    finished = (training / CHECKPOINT).read_bytes()
    assert cli.main(arguments) == 0
    assert (training / CHECKPOINT).read_bytes() == finished
    assert cli.main([*arguments, "--epochs", "3"]) == 2

    validation = {"image": ANSWERED, "audio": ANSWERED, "fused": ANSWERED}
    monkeypatch.setattr(export, "choose_thresholds", lambda *_: (THRESHOLDS, validation))
    monkeypatch.setattr(export, "measure", lambda *_: REPORT)
    monkeypatch.setattr(export, "PARITY_PAIRS", 100)
    assert cli.main(["export", "--data", "none", "--training", str(training), "--output", str(output)]) == 0
    predictor = Predictor.load(output / "mmdigit.onnx")
    assert predictor.thresholds == THRESHOLDS
    metadata = json.loads((output / "mmdigit.json").read_text())
    assert metadata["training"]["epochs_done"] == 2
    assert metadata["test"]["image"] == SHARE
    card = (output / "MODEL_CARD.md").read_text()
    assert metadata["sha256"] in card
    assert predictor.model_version in card
    assert "90.000 %" in card
    assert sorted(path.name for path in output.iterdir()) == ["MODEL_CARD.md", "mmdigit.json", "mmdigit.onnx"]


def test_export_without_a_training_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "--data", "none", "--training", str(tmp_path), "--output", str(tmp_path / "o")]
    assert cli.main(arguments) == 2
    assert "run `mmdigit train` first" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
