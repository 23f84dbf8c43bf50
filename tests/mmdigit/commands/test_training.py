"""Commands of training without what they need: one line that says what to install."""

import pytest

from mmdigit import cli
from mmdigit.commands import training


def test_train_without_torch_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_spec(name: str) -> object:
        return None if name == "torch" else object()

    monkeypatch.setattr(training, "find_spec", find_spec)
    for arguments in (["train", "--data", "d"], ["export", "--data", "d", "--output", "o"]):
        assert cli.main(arguments) == 2
        assert "pip install 'mmdigit[train]'" in capsys.readouterr().err


def test_commands_of_an_image_without_training_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None if name == "mmdigit.training" else object())
    for arguments in (["finetune", "--corrections", "c.csv", "--output", "o"], ["data", "download", "--data", "d"]):
        assert cli.main(arguments) == 2
        assert "the worker image leaves it out; use a checkout" in capsys.readouterr().err
