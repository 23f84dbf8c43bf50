"""Words that change a number: found where they are likely, silent for the digits, and each changes the right digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdigit.numbers.boundaries import Boundaries
from mmdigit.numbers.frame_evidence import FIRST_S, NUMBER_WORDS, STEP_S
from mmdigit.numbers.lattice import Floats
from mmdigit.numbers.number_words import (
    APART_S,
    NumberWord,
    find_number_words,
    place_digits,
    taken,
    without_speech_of,
)
from mmdigit.training.data import pronunciations


def placed(text: str) -> str | None:
    """The number that is said so: a digit or one of NUMBER_WORDS every half second; None if a word changes nothing."""
    said = text.split()
    digits = [(each, time) for time, each in enumerate(said) if each.isdigit()]
    words = [NumberWord(each, time / 2, 1.0) for time, each in enumerate(said) if not each.isdigit()]
    places = place_digits(words, [time / 2 for _, time in digits])
    return None if places is None else "".join(digits[place][0] for place in places)


def test_training_and_listening_name_the_same_words() -> None:
    assert NUMBER_WORDS == pronunciations.NUMBER_WORDS


def test_a_word_is_found_where_it_is_likeliest() -> None:
    log_odds = np.full((19, 3), -5.0)
    log_odds[1:4, 0] = 1, 3, 2  # double, over three steps
    log_odds[4, 2] = 4  # no, likelier and right after it
    log_odds[9, 1] = -0.1  # triple, not likely
    log_odds[12, 0] = 5
    log_odds[18, 1] = 0.5
    found = find_number_words(log_odds)
    assert found == (
        NumberWord("double", FIRST_S + 12 * STEP_S, 5),
        NumberWord("no", FIRST_S + 4 * STEP_S, 4),
        NumberWord("triple", FIRST_S + 18 * STEP_S, 0.5),
    )
    assert find_number_words(log_odds[:0]) == ()


@given(arrays(np.float64, (12, 3), elements=st.floats(-9, 9)))
def test_found_words_are_likely_and_apart(log_odds: Floats) -> None:
    found = find_number_words(log_odds)
    assert [word.log_odds for word in found] == sorted((word.log_odds for word in found), reverse=True)
    assert all(word.log_odds > 0 for word in found)
    assert (np.diff(sorted(word.time_s for word in found)) > APART_S).all()
    assert bool(found) == bool((log_odds > 0).any())


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("4 7 1", "471"),
        ("4 double 7 1", "4771"),
        ("triple 7 1", "7771"),
        ("double 7 double 7", "7777"),
        ("3 no 4", "4"),
        ("1 3 no 4 5", "145"),
        ("double 5 no 6", "6"),
        ("1 2 no double 6", "166"),
        ("1 double no 6", None),
        ("double triple 6", None),
        ("no 6", "6"),
        ("6 no", None),
        ("6 double", None),
        ("no", None),
        ("1 2 no no 3", "13"),
        ("1 2 no 3 no 4", "14"),
        ("", ""),
    ],
)
def test_each_word_changes_the_right_digit(said: str, number: str | None) -> None:
    assert placed(said) == number


@given(
    st.lists(st.floats(0, 60), max_size=20, unique=True),
    st.lists(st.tuples(st.sampled_from(NUMBER_WORDS), st.floats(0, 60)), max_size=8),
)
def test_places_rise_and_are_of_digits_said(times_s: list[float], said: list[tuple[str, float]]) -> None:
    places = place_digits([NumberWord(word, time_s, 1.0) for word, time_s in said], sorted(times_s)) or ()
    assert list(places) == sorted(places)
    assert set(places) <= set(range(len(times_s)))
    assert place_digits([], sorted(times_s)) == tuple(range(len(times_s)))


def test_spans_that_a_word_takes_are_no_digits() -> None:
    word = NumberWord("double", 1.0, 3.0)
    spans = {
        (0.95, 1.6): True,  # over its time
        (1.05, 1.29): True,  # within it
        (1.05, 1.5): False,
        (0.4, 0.99): False,
        (0.9, 0.99): True,
    }
    start_s, end_s = np.array(list(spans)).T
    assert taken([word], start_s, end_s).tolist() == list(spans.values())
    assert not taken([], start_s, end_s).any()


def test_speech_of_a_word_is_left_out_at_no_cost() -> None:
    boundaries = Boundaries(
        frames=np.array([10, 20, 40, 60, 100]),
        quiet=np.ones(5, bool),
        heard=np.zeros(5, bool),
        loudness=np.zeros(5),
        level=np.concatenate([np.zeros(10), np.full(95, 0.5), np.zeros(5)]),
    )
    assert boundaries.speech.tolist() == [0, 5, 15, 25, 45]
    assert boundaries.total_speech == 47.5
    silent = without_speech_of([NumberWord("double", 0.5, 3.0), NumberWord("no", 0.75, 2.0)], boundaries)
    assert silent.speech.tolist() == [0, 5, 5, 5, 5]  # silent from 0.2 to 1.1 s
    assert silent.total_speech == 5
    assert silent.loudness is boundaries.loudness
    assert without_speech_of([], boundaries).speech.tolist() == boundaries.speech.tolist()
    flags, floats = np.zeros(0, bool), np.zeros(0)
    none = Boundaries(np.zeros(0, np.int64), flags, flags, floats, floats)
    assert without_speech_of([NumberWord("no", 1.0, 1.0)], none).total_speech == 0
