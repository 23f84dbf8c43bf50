"""Reading spoken numbers with the shipped model: the prompts joined, silence, noise, too long, too many."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmdigit.numbers.decoding import MAX_DIGITS
from mmdigit.numbers.frame_evidence import NUMBER_WORDS
from mmdigit.numbers.number_words import NumberWord
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.numbers.spoken import listen_to_spans
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.audio.normalize import read_recording
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidAudio
from tests.mmdigit.clips import tone, wav

NUMBER = "4711-0289"
CASES = Path("tests/cases/number-words")


@pytest.fixture(scope="module")
def reader(predictor: Predictor) -> SpokenReader:
    return SpokenReader(predictor)


@pytest.mark.parametrize("count", [8, None])
def test_number_is_read_and_never_accepted(reader: SpokenReader, count: int | None) -> None:
    heard = reader.read(spoken_wav(NUMBER), count)
    assert (heard.value, heard.count_heard, heard.expected) == ("47110289", 8, count)
    assert heard.decision == "review"
    assert heard.reasons[0] == "not_confirmed"
    assert len(heard.reasons) == len(heard.messages)
    assert 0 <= heard.confidence <= 1
    ends = [time_s for digit in heard.digits for time_s in (digit.start_s, digit.end_s)]
    assert ends == sorted(ends)
    assert ends[-1] <= heard.duration_s
    for digit in heard.digits:
        assert digit.label != digit.runner_up
        assert digit.confidence >= digit.runner_up_confidence
    assert json.loads(json.dumps(heard.as_json()))["value"] == heard.value


def test_another_count_is_told(reader: SpokenReader) -> None:
    for count in (3, 12, MAX_DIGITS):
        heard = reader.read(spoken_wav(NUMBER), count)
        assert f"heard 8 digits, expected {count}" in heard.messages
        assert "wrong_count" in heard.reasons
        assert not heard.acceptable_if_confirmed


@pytest.mark.parametrize(
    ("said", "number"),
    [("2-double-5-8-3", "25583"), ("8-3-no-4-2", "842"), ("triple-0-5-6", "00056"), ("6-1-5-8-2", "61582")],
)
def test_words_change_the_number(reader: SpokenReader, said: str, number: str) -> None:
    recording = (CASES / f"{said}.flac").read_bytes()
    for count in (None, len(number)):
        heard = reader.read(recording, count)
        assert (heard.value, heard.count_heard, heard.reasons) == (number, len(number), ("not_confirmed",))
    assert f"heard {len(number)} digits, expected 8" in reader.read(recording, 8).messages
    times_s = [(digit.start_s, digit.end_s) for digit in heard.digits]
    assert times_s == sorted(times_s)
    assert len(set(times_s)) == len([token for token in said.split("-") if token.isdigit()]) - said.count("no")


@pytest.mark.parametrize(("said", "number"), [("2-double-5-8-3", "25583"), ("8-3-no-4-2", "842")])
def test_words_are_cut_by_what_is_written(reader: SpokenReader, said: str, number: str) -> None:
    waveform = read_recording((CASES / f"{said}.flac").read_bytes())
    cut = reader.cut(waveform, np.eye(10)[[int(digit) for digit in number]])
    assert cut.fits
    assert "".join(str(digit.label) for digit in cut.digits) == number
    for count in (8, MAX_DIGITS):
        assert not reader.cut(waveform, np.eye(10)[[1] * count]).fits
    written = [int(digit) for digit in said if digit.isdigit()]  # as if the word were none
    assert not reader.cut(waveform, np.eye(10)[written]).fits


def test_doubtful_words_make_the_number_doubtful(reader: SpokenReader) -> None:
    spans = listen_to_spans(
        read_recording((CASES / "2-double-5-8-3.flac").read_bytes()), reader.listen, reader.listener
    )
    sure = reader.decode(spans, None)
    [word] = spans.words
    odds = np.linspace(word.log_odds, word.log_odds - 12, 40)
    readings = [reader.decode(spans._replace(words=(word._replace(log_odds=float(each)),)), None) for each in odds]
    margins = [reading.count_margin for reading in readings if reading.labels == sure.labels]
    assert 1 < len(margins) < len(odds)  # from some odds on, the word is none
    assert margins == sorted(margins, reverse=True)
    assert margins[-1] < 0.5 < margins[0]


def test_words_count_only_where_they_make_the_number_likelier(reader: SpokenReader) -> None:
    said = read_recording(spoken_wav(NUMBER))
    spans = listen_to_spans(said, reader.listen, reader.listener)
    assert spans.words == ()
    heard = reader.decode(spans, 8)
    for word in NUMBER_WORDS:
        for time_s in heard.times_s:  # it would take a digit's place
            taken = spans._replace(words=(NumberWord(word, float(time_s), 1.0),))
            assert reader.decode(taken, 8).labels == heard.labels
            assert reader.decode(taken, None).labels == heard.labels


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros(16_000), "silence"),
        (np.random.default_rng(0).normal(0, 0.1, 40_000).clip(-1, 1), "no_digit"),
    ],
    ids=["silence", "noise"],
)
def test_what_is_no_digit_gives_none(reader: SpokenReader, waveform: NDArray[np.float64], reason: str) -> None:
    for count in (None, 8):
        heard = reader.read(wav(waveform), count)
        assert (heard.value, heard.count_heard, heard.reasons) == ("", 0, (reason,))
        assert not heard.acceptable_if_confirmed


def test_tone_is_not_acceptable(reader: SpokenReader) -> None:
    assert not reader.read(wav(tone(3.0))).acceptable_if_confirmed


@pytest.mark.parametrize("duration_s", [0.01, 61.0])
def test_too_short_and_too_long_are_refused(reader: SpokenReader, duration_s: float) -> None:
    with pytest.raises(InvalidAudio, match=r"expected at (most|least)"):
        reader.read(wav(tone(duration_s)))
    with pytest.raises(InvalidAudio, match="cut the recording"):
        reader.read_waveform(tone(duration_s).astype(np.float32))


@pytest.mark.parametrize("count", [0, -1, MAX_DIGITS + 1])
def test_impossible_counts_are_refused(reader: SpokenReader, count: int) -> None:
    with pytest.raises(ValueError, match="expected a count"):
        reader.read(spoken_wav("1"), count)


@settings(deadline=None, max_examples=30)
@given(content=st.binary(max_size=300), is_wav=st.booleans())
def test_any_bytes_give_a_number_or_an_error(reader: SpokenReader, content: bytes, is_wav: bool) -> None:
    recording = spoken_wav("1")[:44] + content * 5 if is_wav else content
    with suppress(InvalidAudio):
        assert reader.read(recording).decision == "review"
