"""The clips of the web app: complete, small, audible, and the English digits are read as themselves."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from mmdigit.reading.audio.normalize import decode_audio
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from samples import clips

LANGUAGES = tuple(clips.VOICES)
MAX_BYTES = 12_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_has_a_clip_of_its_length(language: str) -> None:
    texts = clips.texts(language)
    assert {path.stem for path in (clips.FOLDER / language).iterdir()} == texts.keys()
    for name, text in texts.items():
        path = clips.FOLDER / language / f"{name}.ogg"
        samples, rate_hz = soundfile.read(path)
        assert (samples.ndim, rate_hz) == (1, clips.RATE_HZ)
        assert path.stat().st_size <= MAX_BYTES, name
        assert 0.03 < samples.size / rate_hz / len(text) < 0.3, name
        assert 0.5 < float(np.abs(samples).max()) <= 1, name


def test_english_digits_are_read_as_themselves() -> None:
    paths = [clips.FOLDER / f"en/{digit}.ogg" for digit in range(10)]
    answers = Predictor.load().predict([ModelInput(None, decode_audio(path.read_bytes())) for path in paths])
    assert [(answer.label, answer.decision) for answer in answers] == [(digit, "accept") for digit in range(10)]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_make_speaks_the_clips_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to the byte: Ogg files have a random number, and other versions of espeak-ng another voice."""
    monkeypatch.setattr(clips, "PHRASES", {"not_sure": clips.PHRASES["not_sure"]})
    assert clips.main(["--output", str(tmp_path)]) == 0
    for path in tmp_path.rglob("*.ogg"):
        samples, _ = soundfile.read(path)
        kept, _ = soundfile.read(clips.FOLDER / path.relative_to(tmp_path))
        assert abs(samples.size - kept.size) < 0.1 * clips.RATE_HZ, path
