"""`mmdigit listen`: a table or JSON, one line for what cannot be read, read back on demand."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdigit import cli
from mmdigit.numbers.prompts import nothing_heard_wav, spoken_wav
from tests.mmdigit.clips import wav

Listened = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "number.wav").write_bytes(spoken_wav("4711"))
    (tmp_path / "silence.wav").write_bytes(wav(np.zeros(8000)))
    (tmp_path / "text.wav").write_bytes(b"no sound")
    return tmp_path


@pytest.fixture
def listened(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Listened:
    monkeypatch.chdir(folder)

    def run(*words: str) -> tuple[int, str, str]:
        code = cli.main(["listen", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_table_has_a_line_for_each_digit(listened: Listened) -> None:
    code, out, err = listened("number.wav", "-n", "4")
    first, second, header, *digits = out.splitlines()
    assert (code, err, first) == (0, "", "4711")
    assert ", review: sound alone is not accepted: confirm the number" in second
    assert header.split() == ["digit", "from", "s", "to", "s", "confidence", "or", "else"]
    assert [line.split()[0] for line in digits] == ["4", "7", "1", "1"]


def test_json_is_one_line(listened: Listened) -> None:
    code, out, err = listened("number.wav", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    said = json.loads(out)
    assert (said["value"], said["count_heard"], len(said["digits"])) == ("4711", 4, 4)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [("none.wav", 2, "expected a file at none.wav"), ("text.wav", 1, "expected a WAV, FLAC or Ogg Opus file")],
)
def test_unreadable_recordings_are_told(listened: Listened, name: str, code: int, message: str) -> None:
    found, out, err = listened(name)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert message in err


def test_silence_is_told(listened: Listened) -> None:
    assert listened("silence.wav") == (1, "no digit heard, the recording is silent\n", "")


def test_what_was_heard_is_read_back(listened: Listened, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[bytes] = []
    monkeypatch.setattr("mmdigit.numbers.player.find_player", lambda: ("player",))
    monkeypatch.setattr("mmdigit.numbers.player.play", lambda player, sound: played.append(sound))
    listened("number.wav", "--read-back")
    listened("silence.wav", "--read-back")
    assert played == [spoken_wav("4711"), nothing_heard_wav()]


@pytest.mark.parametrize("words", [["number.wav", "-n", "0"], ["number.wav", "-n", "65"]])
def test_wrong_settings_are_told(listened: Listened, words: list[str]) -> None:
    code, out, err = listened(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
