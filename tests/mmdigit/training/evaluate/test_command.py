"""`mmdigit evaluate` from end to end on a small made-up folder with the shipped model, and on bad input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("matplotlib")

from mmdigit import cli
from mmdigit.reading.audio.normalize import speech_window
from mmdigit.reading.decision import agreement
from mmdigit.reading.image.normalize import decode_image
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import WEIGHTS, Predictor
from mmdigit.training.evaluate import command, corrupt_audio, hard_splits
from mmdigit.training.evaluate.official import read_test_split
from mmdigit.training.evaluate.report import full_report, main_table
from tests.mmdigit.training import made_up_folder

PLOTS = {
    *("confusion", "reliability", "risk_coverage", "speakers", "noise", "conflicts", "novelty", "corrupted"),
    *("hardest_images", "hardest_clips"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made_up_folder.write(tmp_path / "data", monkeypatch)
    monkeypatch.setattr(hard_splits, "N_CORRUPTED", 3)
    monkeypatch.setattr(hard_splits, "N_NOT_DIGITS", 3)
    monkeypatch.setattr(corrupt_audio, "WORDS", ("again", "music"))
    return tmp_path / "data"


def run(*arguments: object) -> int:
    return cli.main(["evaluate", *(str(argument) for argument in arguments)])


def without_time(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in ("measured_at", "duration_s")}


def test_evaluate_writes_the_same_full_report_every_time(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report"
    assert run("--data", folder, "--output", output) == 0
    report = json.loads((output / "report.json").read_text())
    text = (output / "report.md").read_text()
    assert main_table(report) in text
    assert main_table(report) in capsys.readouterr().out
    assert {path.name for path in output.iterdir()} == {"report.json", "report.md", *(f"{name}.png" for name in PLOTS)}
    for name in PLOTS:
        assert f"]({name}.png)" in text
        content = (output / f"{name}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000
    assert without_time(json.loads(json.dumps(command.measure(None, folder)))) == without_time(report)


def test_evaluate_agrees_with_the_predictor(folder: Path) -> None:
    report = command.measure(None, folder)
    predictor = Predictor.load()
    digits, clips = read_test_split(folder)
    images = [decode_image(image.tobytes()) for image in digits.images]
    waveforms = [speech_window(clip.waveform) for clip in clips]
    same = [
        (row, column)
        for row, label in enumerate(digits.labels)
        for column, clip in enumerate(clips)
        if label == clip.label
    ]
    answers = predictor.predict([ModelInput(images[row], waveforms[column]) for row, column in same])
    right = [answer.label == digits.labels[row] for answer, (row, _) in zip(answers, same, strict=True)]
    assert (report["fused"]["right"], report["fused"]["total"]) == (sum(right), 40)
    accepted = [hit for hit, answer in zip(right, answers, strict=True) if answer.decision == "accept"]
    assert report["accepted_pairs"]["coverage"] == len(accepted) / 40
    assert report["accepted_pairs"]["error"] == (1 - np.mean(accepted) if accepted else 0)

    image_probabilities = [
        np.array(answer.probabilities) for answer in predictor.predict([ModelInput(image) for image in images])
    ]
    audio_probabilities = [
        np.array(answer.probabilities)
        for answer in predictor.predict([ModelInput(waveform=clip) for clip in waveforms])
    ]
    right_images = sum(
        int(row.argmax()) == label for row, label in zip(image_probabilities, digits.labels, strict=True)
    )
    assert report["image"]["right"] == right_images
    assert report["missing"]["audio_missing"]["loss_against_specialist"] == 0
    scores = np.array([[agreement(image, clip) for clip in audio_probabilities] for image in image_probabilities])
    matches = digits.labels[:, None] == np.array([clip.label for clip in clips])
    limit = np.sort(scores[matches])[0]  # of 40 same pairs none may raise a false alarm at 1 %
    assert report["conflict"]["at_1_percent"]["detected"] == pytest.approx((scores[~matches] < limit).mean(), abs=1e-9)
    assert np.sum(report["heads"]["fused"]["confusion"]) == 40
    assert report["image"]["clustered_by"].startswith("bootstrap over 3 writers")
    assert report["audio_by_speaker"].keys() == {"ann", "bob"}
    assert report["not_digits"]["skipped"][:2] == ["Latin letters", "Greek letters"]
    assert "Skipped, because" in full_report({**report, "duration_s": 1.0}, [])
    assert len(report["wrong_images"]) == 20 - right_images
    assert main_table(command.summary(report)) == main_table(report)


def one_line(error: str) -> str:
    lines = [line for line in error.splitlines() if line.startswith("mmdigit")]
    assert "Traceback" not in error
    assert len(lines) == 1
    return lines[0]


def test_evaluate_without_data_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--data", tmp_path / "none", "--output", tmp_path / "report") == 2
    assert "run `mmdigit data download`" in one_line(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_evaluate_with_altered_data_keeps_the_old_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum at the end of the gzip file
    path.write_bytes(content)
    output = tmp_path / "report"
    output.mkdir()
    (output / "report.json").write_text("old")
    assert run("--data", folder, "--output", output) == 2
    assert "cannot read it" in one_line(capsys.readouterr().err)
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [("report.json", "old")]


def test_evaluate_with_altered_weights_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "m.onnx"
    weights.write_bytes(WEIGHTS.read_bytes() + b"\0")
    weights.with_suffix(".json").write_bytes(WEIGHTS.with_suffix(".json").read_bytes())
    assert run("--data", folder, "--output", tmp_path / "report", "--weights", weights) == 2
    assert "SHA-256" in one_line(capsys.readouterr().err)
    assert not (tmp_path / "report").exists()


def test_evaluate_checks_the_output_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: pytest.fail("measured although nothing can be written"))
    (tmp_path / "file").write_text("in the way")
    assert run("--data", tmp_path, "--output", tmp_path / "file" / "report") == 2
    assert "name another --output" in one_line(capsys.readouterr().err)


def test_evaluate_that_fails_halfway_writes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[str]:
        raise RuntimeError("made up")

    monkeypatch.setattr(command, "_measure", lambda *_: {})
    monkeypatch.setattr(command, "draw_all", fail)
    with pytest.raises(RuntimeError, match="made up"):
        command.run(folder, tmp_path / "report", None, 1)
    assert not (tmp_path / "report").exists()


def test_evaluate_does_not_import_torch() -> None:
    code = "import sys, mmdigit.training.evaluate.command; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
