"""Strings for training: the digits that they say, in range, seeded; words are one token each."""

import numpy as np
import pytest

from mmdigit.training.data.splits import Clip
from mmdigit.training.data.spoken_strings import (
    LEVEL,
    MAX_TOKENS,
    N_STRING_SAMPLES,
    NUMBER_WORD_TOKENS,
    WORD,
    SpokenString,
    SpokenStrings,
    trim,
)
from schemas.errors import DataError
from tests.mmdigit.clips import tone
from tests.mmdigit.training import made_up

SHARES = {"fsdd": 1.0, "espeak": 1.0}


def test_trimming_keeps_the_speech_at_one_level() -> None:
    silence = np.zeros(4000)
    clip = np.concatenate([silence, tone(0.4, level=0.02), silence]).astype(np.float32)
    speech = trim(clip + np.random.default_rng(0).normal(0, 1e-4, clip.size).astype(np.float32))
    assert speech.size / 8000 == pytest.approx(0.44, abs=0.05)
    assert np.sqrt((speech.astype(np.float64) ** 2).mean()) == pytest.approx(LEVEL, rel=0.2)


def test_strings_say_their_digits() -> None:
    drawn = SpokenStrings(made_up.clips(4), SHARES).batch(60, np.random.default_rng(1))
    assert drawn.waveforms.shape == (60, N_STRING_SAMPLES)
    assert np.abs(drawn.waveforms).max() < 1
    assert drawn.tokens.shape == (60, MAX_TOKENS)
    assert set(drawn.tokens[drawn.counts > 0, 0].tolist()) == {*range(10), WORD}
    for waveform, tokens, count in zip(drawn.waveforms, drawn.tokens, drawn.counts, strict=True):
        assert not tokens[count:].any()
        assert not ((tokens[:count][1:] == WORD) & (tokens[:count][:-1] == WORD)).any()
        if count == 1 and tokens[0] < WORD:
            hertz = np.abs(np.fft.rfft(waveform)).argmax() * 8000 / N_STRING_SAMPLES
            assert 0.7 < hertz / (200 + 150 * tokens[0]) < 1.5  # of the tone that says the digit, at its speed


def test_strings_depend_on_the_seed_alone() -> None:
    strings = SpokenStrings(made_up.clips(2), SHARES)
    first, again, other = (strings.batch(3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.waveforms, again.waveforms)
    np.testing.assert_array_equal(first.tokens, again.tokens)
    assert not np.array_equal(first.waveforms, other.waveforms)


def test_some_strings_are_said_in_one_breath() -> None:
    whole = [SpokenString(np.full(16000, 0.01, np.float32), (1, 1, 2))]
    drawn = SpokenStrings(made_up.clips(2), SHARES, whole).batch(40, np.random.default_rng(1))
    said = [waveform.sum() == pytest.approx(160, rel=1e-3) for waveform in drawn.waveforms]
    assert 4 < sum(said) < 20
    for is_whole, tokens, count in zip(said, drawn.tokens, drawn.counts, strict=True):
        assert not is_whole or tokens[:count].tolist() == [1, 1, 2]


def test_number_words_are_tokens_of_their_own_if_wanted() -> None:
    clips = [*made_up.clips(2), *made_up.number_words()]
    plain = SpokenStrings(clips, SHARES).batch(40, np.random.default_rng(1))
    assert plain.tokens.max() == WORD
    drawn = SpokenStrings(clips, SHARES, number_words=0.3).batch(40, np.random.default_rng(1))
    said = np.concatenate([tokens[:count] for tokens, count in zip(drawn.tokens, drawn.counts, strict=True)])
    shares = np.bincount(said, minlength=14) / said.size
    assert set(NUMBER_WORD_TOKENS) == {11, 12, 13}
    assert (shares[11:] > 0.05).all()
    assert 0.2 < shares[11:].sum() < 0.4


def test_strings_without_digits_are_one_line() -> None:
    silent = Clip(np.zeros(8000, np.float32), 1, "fsdd", "a", 0)
    with pytest.raises(DataError, match=r"expected spoken digits of 0.1 s or more, got none"):
        SpokenStrings([silent], SHARES)
