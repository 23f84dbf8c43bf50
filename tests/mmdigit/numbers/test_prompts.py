"""The prompts: the shipped model reads each as its digit; numbers join them."""

import io
import wave

import pytest

from mmdigit.numbers.prompts import FOLDER, NOTHING_HEARD, RATE_HZ, nothing_heard_wav, spoken_wav
from mmdigit.reading.digit_reader import DigitReader
from mmdigit.reading.predictor import Predictor

NAMES = [*map(str, range(10)), NOTHING_HEARD]


def duration_s(content: bytes) -> float:
    with wave.open(io.BytesIO(content), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        return file.getnframes() / RATE_HZ


def test_each_prompt_is_short_and_understood(predictor: Predictor) -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*(f"{name}.wav" for name in NAMES), "README.md"}
    for digit in range(10):
        content = (FOLDER / f"{digit}.wav").read_bytes()
        assert 0.2 < duration_s(content) < 1
        assert DigitReader(predictor).predict(audio=content).label == digit
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000


def test_longer_pauses_at_spaces_and_hyphens() -> None:
    whole, parted = duration_s(spoken_wav("4711")), duration_s(spoken_wav("47-11"))
    assert duration_s(spoken_wav("47 11")) == parted > whole
    assert duration_s(spoken_wav("-4711-")) == whole
    assert duration_s(nothing_heard_wav()) > 1


@pytest.mark.parametrize("text", ["", "-", "4a", "٤", "4\n", "1" * 201])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        spoken_wav(text)
