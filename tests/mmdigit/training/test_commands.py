"""`mmdigit train`, `mmdigit export` and `mmdigit calibrate` from end to end, on made-up data."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmdigit import cli
from mmdigit.reading.decision import HEADS
from mmdigit.reading.predictor import Predictor
from mmdigit.training.evaluate.writer_folds import FILE
from mmdigit.training.fit import train
from mmdigit.training.fit.checkpoints import STAGES, checkpoint_path
from mmdigit.training.release import export, recalibrate
from mmdigit.training.release.model_card import TARGET_ERRORS
from schemas.errors import DataError
from tests.mmdigit.training import made_up
from tests.mmdigit.training.evaluate.test_held_out import fold, write

PLAN = made_up.plan()
CONFIG = """
[image]
epochs = 1
batch_size = 32
learning_rate = 1e-3
[calm]
epochs = 1
batch_size = 32
learning_rate = 1e-3
[audio]
epochs = 1
batch_size = 32
learning_rate = 1e-3
rows = 96
spoken_digits = 7
spoken_words = 5
distortions = ["noise"]
[audio.shares]
fsdd = 1
"""
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
    "accepted_by_digit": {head: [0.9] * 10 for head in HEADS},
    "conflict": {"split": "made up", "detected": 0.99, "reviewed": 1.0},
    "wrong_images": [],
}


def made_up_data(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (export, recalibrate):
        monkeypatch.setattr(module, "load_digits", lambda *_: made_up.digits(60, 2))
        monkeypatch.setattr(module, "load_clips", lambda *_: made_up.clips(3)[:30])
    monkeypatch.setattr(export, "PARITY_PAIRS", 100)


def test_train_export_and_calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "load_sets", lambda *_, **__: made_up.sets(tmp_path, 64))
    training, output, config = tmp_path / "runs" / "seed-1", tmp_path / "weights", tmp_path / "c.toml"
    config.write_text(CONFIG)
    arguments = ["train", "--config", str(config), "--data", "none", "--output", str(training), "--threads", "1"]
    assert cli.main(arguments) == 0
    finished = [checkpoint_path(training, stage).read_bytes() for stage in STAGES]
    assert cli.main(arguments) == 0
    assert [checkpoint_path(training, stage).read_bytes() for stage in STAGES] == finished
    assert cli.main([*arguments, "--seed", "3"]) == 2
    assert cli.main([*arguments, "--quick"]) == 2

    made_up_data(monkeypatch)
    monkeypatch.setattr(recalibrate, "measure", lambda *_: REPORT)
    assert cli.main(["export", "--data", "none", "--training", str(training), "--output", str(output)]) == 0
    predictor = Predictor.load(output / "mmdigit.onnx")
    assert predictor.model_version.startswith("mmdigit-3-")
    metadata = json.loads((output / "mmdigit.json").read_text())
    assert metadata["training"]["plan"]["audio"]["rows"] == 96
    assert set(metadata["training"]["last_epochs"]) == set(STAGES)
    assert metadata["test"]["image"] == SHARE
    assert predictor.temperature == metadata["temperature"]
    assert [metadata["risk"][head]["total"] for head in HEADS] == [60, 30, 60]
    assert metadata["validation"]["reviews"]["both"]["total"] == 60
    strict, lax = (Predictor.load(output / "mmdigit.onnx", target_error=target) for target in (0.001, 0.999))
    assert strict.thresholds.audio_confidence > lax.thresholds.audio_confidence
    again = tmp_path / "again"
    weights = ["--weights", str(output / "mmdigit.onnx")]
    assert cli.main(["calibrate", "--data", "none", *weights, "--output", str(again)]) == 2
    writers = np.concatenate([9 * np.eye(10, dtype=np.float32)] * 6)
    np.savez(tmp_path / FILE, logits=writers, labels=np.arange(60) % 10, photographed=np.arange(60) >= 30)
    assert cli.main(["calibrate", "--data", "none", *weights, "--writers", str(tmp_path), "--output", str(again)]) == 0
    assert (again / "mmdigit.onnx").read_bytes() == (output / "mmdigit.onnx").read_bytes()
    renewed = json.loads((again / "mmdigit.json").read_text())
    figures = renewed["validation"]
    for head in HEADS:
        assert (renewed["risk"][head] == metadata["risk"][head]) == (head != "image")
    assert (figures["image"]["total"], figures["photographs"]["total"]) == (90, 30)
    folds = tmp_path / "folds"
    for speaker in {clip.speaker for clip in made_up.clips(3)[:30]}:
        write(folds, speaker, fold(1, made_up.digits(60, 2)))
    unseen = ["calibrate", "--data", "none", *weights, "--folds", str(folds), "--output", str(again)]
    assert cli.main(unseen) == 0
    without = json.loads((again / "mmdigit.json").read_text())
    for head in HEADS:
        assert (without["risk"][head] == metadata["risk"][head]) == (head == "image")
    assert "by a training without that person" in without["risk"]["audio"]["split"]
    assert without["temperature"] == metadata["temperature"]
    assert {row["group"] for row in without["validation"]["audio"]["groups"]} >= {"all"}
    assert cli.main([*unseen, "--writers", str(folds)]) == 2
    card = (output / "MODEL_CARD.md").read_text()
    assert metadata["sha256"] in card
    assert predictor.model_version in card
    assert "90.000 %" in card
    assert card.count("| fused |") == len(TARGET_ERRORS) + 2
    assert "| audio | 0.001 |" in card
    assert "7 digits and 5 other words" in card
    assert sorted(path.name for path in output.iterdir()) == ["MODEL_CARD.md", "mmdigit.json", "mmdigit.onnx"]


def test_export_without_a_training_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "--data", "none", "--training", str(tmp_path), "--output", str(tmp_path / "o")]
    assert cli.main(arguments) == 2
    assert "run `mmdigit train` first" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_export_that_fails_keeps_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DataError("expected the test split, it is missing")

    train.train(made_up.sets(tmp_path, 64), PLAN, tmp_path / "train")
    made_up_data(monkeypatch)
    output = tmp_path / "weights"
    output.mkdir()
    for name in recalibrate.FILES:
        (output / name).write_text("the old one")
    monkeypatch.setattr(recalibrate, "measure", fail)
    assert cli.main(["export", "--data", "none", "--training", str(tmp_path / "train"), "--output", str(output)]) == 2
    assert {path.name: path.read_text() for path in output.iterdir()} == dict.fromkeys(recalibrate.FILES, "the old one")


def test_export_without_the_folds_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train.train(made_up.sets(tmp_path, 64), PLAN, tmp_path / "train")
    made_up_data(monkeypatch)
    capsys.readouterr()
    arguments = ["export", "--data", "none", "--training", str(tmp_path / "train"), "--folds", str(tmp_path)]
    assert cli.main([*arguments, "--output", str(tmp_path / "weights")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "left this speaker out" in line
    assert not (tmp_path / "weights").exists()
