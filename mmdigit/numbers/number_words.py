"""The words that change a spoken number: "double five" is 55, "triple five" 555, and "three, no, four" is 4."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.boundaries import FRAME, Boundaries
from mmdigit.numbers.frame_evidence import FIRST_S, NUMBER_WORDS, STEP_S
from mmdigit.numbers.lattice import Floats
from mmdigit.reading.audio.frames import SAMPLE_RATE_HZ

TIMES = {"double": 2, "triple": 3}
APART_S = 0.2
"""Of two words that are heard within that time, the likelier counts."""
FRAMES_A_S = SAMPLE_RATE_HZ // FRAME
SILENT_S = (0.3, 0.35)
"""Before and after the time when a word is heard: taken for silence."""
TAKEN_S, MOST_TAKEN = (0.15, 0.3), 0.9
"""A span of which more lies within this time is no digit, nor is one over the time itself."""


class NumberWord(NamedTuple):
    """word: one of NUMBER_WORDS; time_s: when it is heard; log_odds: the logarithm of its odds against all else."""

    word: str
    time_s: float
    log_odds: float


def find_number_words(log_odds: Floats) -> tuple[NumberWord, ...]:
    """The words that are likelier than all else, the likeliest first. log_odds: (n_steps, 3), by the listener."""
    best = log_odds.argmax(axis=1)
    likely = log_odds.max(axis=1) > 0
    found = []
    for steps in np.split(np.arange(best.size), 1 + np.flatnonzero(np.diff(np.where(likely, best, -1)))):
        if steps.size and likely[steps[0]]:
            step = int(steps[log_odds[steps, best[steps]].argmax()])
            found.append(
                NumberWord(NUMBER_WORDS[best[step]], FIRST_S + STEP_S * step, float(log_odds[step, best[step]]))
            )
    kept: list[NumberWord] = []
    for word in sorted(found, key=lambda word: -word.log_odds):
        if all(abs(word.time_s - other.time_s) > APART_S for other in kept):
            kept.append(word)
    return tuple(kept)


def without_speech_of(words: Sequence[NumberWord], boundaries: Boundaries) -> Boundaries:
    """The same boundaries, as if the words were silence."""
    level = boundaries.level.copy()
    for word in words:
        first, last = round((word.time_s - SILENT_S[0]) * FRAMES_A_S), round((word.time_s + SILENT_S[1]) * FRAMES_A_S)
        level[max(0, first) : max(0, last)] = 0.0
    return boundaries._replace(level=level)


def taken(words: Sequence[NumberWord], start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
    """Which of these spans are no digits, because such a word is there, (S,). start_s, end_s: of each, (S,)."""
    found = np.zeros(start_s.size, np.bool_)
    for word in words:
        inside = np.minimum(end_s, word.time_s + TAKEN_S[1]) - np.maximum(start_s, word.time_s - TAKEN_S[0])
        found |= inside > MOST_TAKEN * (end_s - start_s)
        found |= (start_s < word.time_s) & (word.time_s < end_s)
    return found


def place_digits(words: Sequence[NumberWord], times_s: Sequence[float]) -> tuple[int, ...] | None:
    """For each digit of the number, which of those that are said it is; None if a word has no digit to change.

    "Double" and "triple" need one after them. "No" takes back the digit before it, if it is not the first that is said,
    and needs another one after it; said twice in a row, it counts once. times_s: when each digit is said, rising.
    """
    placed: list[int] = []
    left = sorted(words, key=lambda word: word.time_s, reverse=True)
    for digit, time_s in enumerate(times_s):
        times, taken_back = 1, False
        while left and left[-1].time_s < time_s:
            word = left.pop().word
            if times > 1:
                return None
            if word in TIMES:
                times = TIMES[word]
            elif not taken_back:
                placed = [place for place in placed if place != placed[-1]]
                taken_back = True
        placed += [digit] * times
    return None if left else tuple(placed)
