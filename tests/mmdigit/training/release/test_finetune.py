"""Finetuning: what helps new writers is kept, what does not is refused, and too little is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdigit import cli
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from mmdigit.training.release import finetune
from mmdigit.training.release.corrections import Corrections
from mmdigit.training.release.finetune import Result
from tests.mmdigit.forms.written import sample_digits

WRITERS = 12


def result(wrong: int, accepted: int, wrong_accepted: int) -> Result:
    return Result(1000, wrong, accepted, wrong_accepted)


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        (result(10, 700, 0), result(10, 700, 0), False),
        (result(9, 700, 0), result(10, 700, 0), True),
        (result(11, 900, 0), result(10, 700, 0), False),
        (result(10, 701, 0), result(10, 700, 0), True),
        (result(5, 699, 0), result(10, 700, 0), False),
        (result(10, 600, 1), result(10, 700, 9), True),
        (result(10, 900, 12), result(10, 700, 0), False),
        (result(10, 900, 9), result(10, 700, 6), True),
    ],
)
def test_what_is_better(new: Result, old: Result, better: bool) -> None:
    assert new.is_better_than(old, 0.01) == better


def corrections(folder: Path, change: bool, count: int = 30) -> Path:
    """Digits of the sample pack by made-up writers; if changed, they write 1 as the model reads 7, and the reverse."""
    random, digits = np.random.default_rng(2), sample_digits()
    lines = ["id,image,label,writer"]
    for writer in range(WRITERS):
        for number in range(count):
            label = number % 10
            shown = {1: 7, 7: 1}.get(label, label) if change else label
            image = random.choice(digits.images[digits.labels == shown])
            name = f"{writer}-{number}.png"
            noisy = np.clip(image.astype(int) + random.integers(-9, 10, image.shape) * (image > 0), 0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(folder / name)
            lines.append(f"{writer}-{number},{name},{label},writer {writer}")
    (folder / "corrections.csv").write_text("\n".join(lines) + "\n")
    return folder / "corrections.csv"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "MIN_DIGITS", WRITERS * 30)  # as many as there are: the folds have fewer
    monkeypatch.setattr(finetune, "PULLS", (0.01,))


def test_hands_unlike_the_training_are_learnt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, output = corrections(tmp_path, change=True), tmp_path / "mine"
    assert cli.main(["finetune", "--corrections", str(manifest), "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert f"{WRITERS * 30} digits of {WRITERS} writers" in printed
    metadata = json.loads((output / "mmdigit.json").read_text())
    held_out = metadata["finetuned"]["held_out"]
    assert held_out["now"]["wrong"] >= 0.15 * WRITERS * 30
    assert held_out[metadata["finetuned"]["adapted"]]["wrong"] < 0.05 * WRITERS * 30
    old, new = Predictor.load(), Predictor.load(output / "mmdigit.onnx")
    assert new.model_version != old.model_version == metadata["finetuned"]["from"]
    assert not new.baseline, "drift would be measured from the old model's answers"
    assert (output / "MODEL_CARD.md").read_text().startswith(f"# Finetuned: {new.model_version}\n")
    assert {path.name for path in output.iterdir()} == {"mmdigit.onnx", "mmdigit.json", "MODEL_CARD.md"}


def test_what_does_not_help_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = {name: lambda base, *_: base for name in finetune.ADAPTATIONS}
    monkeypatch.setattr(finetune, "ADAPTATIONS", worse)
    manifest, output = corrections(tmp_path, change=False), tmp_path / "mine"
    assert cli.main(["finetune", "--corrections", str(manifest), "--output", str(output)]) == 1
    assert "refused: " in capsys.readouterr().out
    assert list(output.iterdir()) == []


def test_too_few_digits_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = corrections(tmp_path, change=False, count=10)
    assert cli.main(["finetune", "--corrections", str(manifest), "--output", str(tmp_path / "mine")]) == 2
    expected = "expected 360 images or clips of 10 writers, got 120 images of 12 and 0 clips of 0; collect more"
    assert expected in capsys.readouterr().err


def test_clips_of_one_person_adapt_nothing() -> None:
    """However many, beside enough images of enough writers."""
    image, waveform = np.zeros((28, 28), np.float32), np.zeros(8000, np.float32)
    rows = WRITERS * 30
    inputs = [ModelInput(image=image)] * rows + [ModelInput(waveform=waveform)] * rows
    writers = np.concatenate([np.arange(rows) % WRITERS, np.full(rows, WRITERS)])
    adaptable = finetune._adaptable(Corrections(inputs, np.zeros(2 * rows, np.int64), writers), by_photograph=True)
    assert adaptable == finetune.Adaptable(frozenset({"image"}), frozenset({"image"}))
