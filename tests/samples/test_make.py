"""python -m samples.make: speech, the whole pack, and its one-line errors."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mmdigit.settings.program import run_program
from samples import make, speech
from samples.strokes import DIGITS
from schemas.errors import DataError

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_missing_espeak_is_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    output = tmp_path / "pack"
    assert run_program("samples.make", make.main, ["--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("samples.make: error: espeak-ng is not installed")
    assert error.count("\n") == 1
    assert not output.exists()


def test_failing_espeak_is_a_data_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="could not say 'four'"):
        speech.speak(4, np.random.default_rng(0))


@needs_espeak
def test_speech_is_seeded_and_within_range() -> None:
    samples, rate_hz = speech.speak(7, np.random.default_rng(5))
    again, rate_again_hz = speech.speak(7, np.random.default_rng(5))
    assert rate_hz == rate_again_hz
    np.testing.assert_array_equal(samples, again)
    assert samples.ndim == 1
    assert np.abs(samples).max() <= 1.0


@needs_espeak
def test_whole_pack_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "DIGITS", {3: DIGITS[3]})
    monkeypatch.setattr(make, "CONFLICTS", 0)
    make.make(tmp_path, Console(file=io.StringIO()))
    rows = (tmp_path / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 98 + 10
    assert len(list((tmp_path / "images").iterdir())) == 30
    assert len(list((tmp_path / "audio").iterdir())) == 12
