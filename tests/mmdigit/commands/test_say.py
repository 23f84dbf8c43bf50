"""`mmdigit say`: writes a WAV file, or plays it."""

from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.numbers.prompts import spoken_wav


def test_number_is_written(tmp_path: Path) -> None:
    assert cli.main(["say", "4711", "--output", str(tmp_path / "number.wav")]) == 0
    assert (tmp_path / "number.wav").read_bytes() == spoken_wav("4711")


def test_number_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[bytes] = []
    monkeypatch.setattr("mmdigit.numbers.player.find_player", lambda: ("player",))
    monkeypatch.setattr("mmdigit.numbers.player.play", lambda player, sound: played.append(sound))
    assert cli.main(["say", "47 11"]) == 0
    assert played == [spoken_wav("47 11")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["4a"], "expected digits, with spaces or hyphens between them"),
        (["4", "--output", "/none/number.wav"], "create the folder"),
        (["4"], "got none on PATH; install one of them, or set --output"),
    ],
)
def test_mistakes_are_told(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/none")
    assert cli.main(["say", *words]) == 2
    assert message in capsys.readouterr().err
