"""Folds: each leaves its people out, the results are dated, a finished study does not train again."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mmdigit.training.evaluate.held_out import FOLD_FILE
from mmdigit.training.fit.stage import Hardware
from mmdigit.training.fit.temperature import fit_temperature
from mmdigit.training.study import command, folds
from tests.mmdigit.training import made_up

PLAN = made_up.one_epoch_plan()


def test_study_folds_leaves_each_speaker_out(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = small / "results" / "folds.json"
    command.run("folds", small, small / "runs", result, PLAN, Hardware())
    report = json.loads(result.read_text())
    assert report["command"] == "mmdigit study folds"
    assert [row["speaker"] for row in report["speakers"]] == ["a", "b"]
    audio = [row["audio"]["accuracy"] for row in report["speakers"]]
    assert report["audio"]["worst"] == min(audio)
    assert report["audio"]["mean"] == pytest.approx(sum(audio) / 2)
    assert 0 <= report["audio"]["ece"] <= 1
    assert set(report["noise"]) == {"5 dB"}
    assert report["people"]["groups"][0]["clips"] == 20  # 10 of each of two speakers, without the test split
    for speaker in ("a", "b"):
        with np.load(small / "runs" / "folds" / speaker / FOLD_FILE) as kept:
            assert kept["audio_logits"].shape == (20, 10)
            assert kept["fused_logits"].shape[0] == kept["fused_labels"].size == 20 * folds.N_PARTNERS
            assert kept["indices"][kept["fused_clips"]].min() >= 5  # the official test recordings calibrate nothing
            calibrating = kept["indices"] >= 5
            unseen = fit_temperature(kept["audio_logits"][calibrating], kept["labels"][calibrating])
        other = json.loads((small / "runs" / "folds" / {"a": "b", "b": "a"}[speaker] / "mmdigit.json").read_text())
        assert other["temperature"]["audio"] == pytest.approx(unseen, rel=0.05)  # its own people say nothing
    capsys.readouterr()
    command.run("folds", small, small / "runs", result, PLAN, Hardware())
    again = json.loads(result.read_text())
    assert '"epoch"' not in capsys.readouterr().err
    assert {**again, "measured_at": 0} == {**report, "measured_at": 0}


def test_folds_are_summarized_by_the_speakers_of_fsdd_alone(tmp_path: Path) -> None:
    """Other people's clips, here all misread, only calibrate."""
    labels = np.tile(np.arange(10), 2)
    indices = np.where(np.arange(20) < 10, 7, folds.OTHER_INDICES + 7)
    logits = 9 * np.eye(10, dtype=np.float32)[np.where(indices < folds.OTHER_INDICES, labels, 9 - labels)]
    for speaker in "ab":
        (tmp_path / "folds" / speaker).mkdir(parents=True)
        np.savez(tmp_path / "folds" / speaker / FOLD_FILE, audio_logits=logits, labels=labels, indices=indices)
    row = {"accuracy": 1.0}
    summary = folds._summarize_folds([{"speaker": each, "audio": row, "fused": row} for each in "ab"], tmp_path)
    assert summary["audio"]["interval_95"] == [1.0, 1.0]
