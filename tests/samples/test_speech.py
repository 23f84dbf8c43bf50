"""Synthetic speech: reproducible, in range, and a clear error if espeak-ng fails."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from samples import speech
from schemas.errors import DataError

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_speak_raises_data_error_if_espeak_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="to say 'four', got"):
        speech.speak(4, np.random.default_rng(0))


@needs_espeak
def test_speak_is_seeded_and_within_range() -> None:
    samples, rate_hz = speech.speak(7, np.random.default_rng(5))
    again, rate_again_hz = speech.speak(7, np.random.default_rng(5))
    assert rate_hz == rate_again_hz
    np.testing.assert_array_equal(samples, again)
    assert samples.ndim == 1
    assert np.abs(samples).max() <= 1.0
