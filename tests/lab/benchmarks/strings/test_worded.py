"""Numbers with words in them: the digits follow from what is said, and a reader that hears them all has all right."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab.benchmarks.strings.worded import Said, Voices, drawn, measure, table
from mmdigit.numbers.frame_evidence import NUMBER_WORDS
from mmdigit.numbers.number_words import NumberWord, place_digits
from schemas.errors import DataError


def read(said: Said) -> tuple[int, ...]:
    """What is said, by the reader's own rule."""
    digits = [(each, time) for time, each in enumerate(said.tokens) if isinstance(each, int)]
    words = [NumberWord(each, time, 1.0) for time, each in enumerate(said.tokens) if isinstance(each, str)]
    places = place_digits(words, [time for _, time in digits])
    assert places is not None
    return tuple(digits[place][0] for place in places)


@pytest.mark.parametrize("word", [*NUMBER_WORDS, ""])
def test_digits_follow_from_what_is_said(word: str) -> None:
    random = np.random.default_rng(1)
    numbers = [drawn(random.integers(10, size=6).tolist(), word, random) for _ in range(100)]
    assert all(read(said) == said.digits for said in numbers)
    assert {len(said.digits) for said in numbers} == {{"double": 7, "triple": 8, "no": 5, "": 6}[word]}
    assert len({said.tokens.index(word) for said in numbers if word}) in ({5, 6} if word else {0})  # at every place


def test_share_of_numbers_that_are_right() -> None:
    said = Said((1, "double", 2), (1, 2, 2))

    class Reader:
        def read_waveform(self, waveform: Any, count: int | None = None) -> Any:
            return SimpleNamespace(value="122" if count == 3 else "12")

    found = measure(Reader(), [(np.zeros(8000, np.float32), said)] * 2)  # type: ignore[arg-type]
    assert found == {"numbers": 2, "known": 2, "unknown": 0}
    assert "| joined | double | 2 | 100 % | 0 % |" in table({"numbers": {"joined": {"double": found}}})


def test_missing_synthesizers_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    with pytest.raises(DataError, match="expected flite or pico2wave, got neither; apt-get install"):
        Voices()
