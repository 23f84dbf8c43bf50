"""Playing sound: the first program on PATH, and a clear error where there is none or it fails."""

from pathlib import Path

import pytest

from mmdigit.numbers.player import find_player, play
from schemas.errors import SettingsError


def install(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_player_takes_the_file(path: Path) -> None:
    install(path, "ffplay", "exit 9")
    install(path, "paplay", f'read -r line < "$1"; echo "$line" > {path}/played')
    play(find_player(), b"RIFF of sound\n")
    assert (path / "played").read_text() == "RIFF of sound\n"


def test_no_player_is_told(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"aplay, paplay, afplay, ffplay.*got none on PATH"):
        find_player()


def test_failing_player_is_told(path: Path) -> None:
    install(path, "aplay", "printf 'no\\033card' >&2; exit 1")
    with pytest.raises(SettingsError, match=r"no\\x1bcard"):
        play(find_player(), b"")
