"""python -m samples.make: the whole pack, and its errors of one line."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from mmdigit.settings.program import run_program
from samples import make
from samples.strokes import DIGITS

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_make_without_espeak_reports_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    output = tmp_path / "pack"
    assert run_program("samples.make", make.main, ["--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("samples.make: error: expected espeak-ng, got no such program; install it")
    assert error.count("\n") == 1
    assert not output.exists()


@needs_espeak
def test_make_writes_the_whole_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "DIGITS", {3: DIGITS[3]})
    monkeypatch.setattr(make, "CONFLICTS", 0)
    make.make(tmp_path, Console(file=io.StringIO()))
    rows = (tmp_path / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 98 + 10
    assert len(list((tmp_path / "images").iterdir())) == 30
    assert len(list((tmp_path / "audio").iterdir())) == 12
