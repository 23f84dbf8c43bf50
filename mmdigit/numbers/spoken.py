"""What the model hears in each span of a recording that may hold one digit, and the lattice of those spans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.boundaries import FRAME, Boundaries, find_boundaries
from mmdigit.numbers.frame_evidence import N_DIGITS, FrameListener, heard_ends, span_log_odds
from mmdigit.numbers.lattice import Floats, Lattice
from mmdigit.numbers.number_words import NumberWord, find_number_words, taken, without_speech_of
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, speech_windows

SHORTEST, LONGEST = 12, 95  # frames of 10 ms
LOUDEST_CUTS = 1.4  # both cuts of a span together, where its ends are quiet
LEAST_SPEECH = 3.0  # frames of loud speech in a span
SHORTEST_HEARD, LEAST_SPEECH_HEARD = 6, 1.0  # the same where both ends are heard, however loud they are
MAX_SPANS = 20_000  # of a recording; a minute of fast speech has about 1,600
BATCH = 32  # spans that the model hears at once
LEAST_CHANCE = 1e-9
MAX_DEVIATION = 4.0  # standard deviations from the usual length, from which on a digit costs no more

Listen = Callable[[NDArray[np.float32]], tuple[Floats, Floats]]
"""Waveforms, (B, N_SAMPLES), to calibrated probabilities of the ten digits, (B, 10), and of being none, (B,)."""


@dataclass(frozen=True)
class SpanScoring:
    """How the score of a span follows from what the model hears, its length and how loud it is where it is cut.

    The score of a digit is its log-probability + novelty * log(1 - novelty of the span) + frames * the logarithm of its
    odds by the listener - cut * the loudness at both ends - length * z^2 / 2, where z is the deviation of the logarithm
    of its length from the digit's usual one.
    """

    novelty: float
    frames: float
    cut: float
    length: float
    length_sd: float
    """Standard deviation of the logarithm of a digit's length between speakers."""
    paced_length: float
    """As length, once the speaker's pace is known."""
    paced_length_sd: float
    left_out: float
    """What a frame of loud speech costs that is in no span."""
    word: float
    """What a word costs that changes the number: such words are rare. It scores as the logarithm of its odds."""
    usual_s: tuple[float, ...]
    """The median length of each digit."""


class Spans(NamedTuple):
    """first, last: (S,), the boundaries between which each lies; log_probabilities: (S, 10); log_is_digit: (S,), the
    logarithm of the chance that it is a digit; log_odds: (S, 10), of each digit by the listener (frame_evidence.py);
    log_length_s: (S,); words: that change the number."""

    boundaries: Boundaries
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    log_probabilities: Floats
    log_is_digit: Floats
    log_odds: Floats
    log_length_s: Floats
    words: tuple[NumberWord, ...] = ()

    def without(self, words: Sequence[NumberWord]) -> Self:
        """The same spans, but where these words are said is silence."""
        times_s = self.boundaries.times_s
        is_taken = taken(words, times_s[self.first], times_s[self.last])
        log_is_digit = np.where(is_taken, -np.inf, self.log_is_digit)
        return self._replace(boundaries=without_speech_of(words, self.boundaries), log_is_digit=log_is_digit)


def listen_to_spans(waveform: Waveform, listen: Listen, listener: FrameListener) -> Spans:
    """waveform: (n_samples,), 8 kHz, range [-1, 1]; listener: of the whole recording.

    Raises ValueError for more spans than MAX_SPANS.
    """
    log_odds = listener.log_odds(waveform)
    boundaries = find_boundaries(waveform, heard_ends(log_odds))
    first, last = _spans(boundaries)
    if first.size > MAX_SPANS:
        raise ValueError(f"expected at most {MAX_SPANS} spans of speech, got {first.size}; cut the recording")
    frames = boundaries.frames * FRAME
    probabilities, novelty = np.zeros((first.size, 10)), np.zeros(first.size)
    for start in range(0, first.size, BATCH):
        rows = slice(start, start + BATCH)
        pieces = [waveform[frames[i] : frames[j]] for i, j in zip(first[rows], last[rows], strict=True)]
        probabilities[rows], novelty[rows] = listen(np.stack(speech_windows(pieces)))
    return Spans(
        boundaries,
        first,
        last,
        np.log(np.clip(probabilities, LEAST_CHANCE, 1)),
        np.log(np.clip(1 - novelty, LEAST_CHANCE, 1)),
        span_log_odds(log_odds[:, :N_DIGITS], first, last, boundaries.times_s),
        np.log((frames[last] - frames[first]) / SAMPLE_RATE_HZ),
        find_number_words(log_odds[:, N_DIGITS:]),
    )


def spoken_lattice(spans: Spans, scoring: SpanScoring, pace: float | None = None) -> Lattice:
    """pace: the speaker's, how much longer than usual the digits are, as a logarithm; None = unknown."""
    at = spans.boundaries
    usual = np.log(scoring.usual_s) + (pace or 0.0)
    weight, deviation = (
        (scoring.length, scoring.length_sd) if pace is None else (scoring.paced_length, scoring.paced_length_sd)
    )
    z = np.clip((spans.log_length_s[:, None] - usual) / deviation, -MAX_DEVIATION, MAX_DEVIATION)  # (S, 10)
    cuts = at.loudness[spans.first] + at.loudness[spans.last]
    of_span = scoring.novelty * spans.log_is_digit - scoring.cut * cuts
    scores = spans.log_probabilities + scoring.frames * spans.log_odds + of_span[:, None] - weight / 2 * z**2
    return Lattice(scoring.left_out * at.speech, scoring.left_out * at.total_speech, spans.first, spans.last, scores)


def _spans(boundaries: Boundaries) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, last = np.triu_indices(boundaries.frames.size, 1)
    length = boundaries.frames[last] - boundaries.frames[first]
    before = boundaries.speech
    speech = before[last] - before[first]
    cuts = boundaries.loudness[first] + boundaries.loudness[last]
    quiet = boundaries.quiet[first] & boundaries.quiet[last] & (cuts <= LOUDEST_CUTS)
    quiet &= (length >= SHORTEST) & (speech >= LEAST_SPEECH)
    heard = boundaries.heard[first] & boundaries.heard[last]
    heard &= (length >= SHORTEST_HEARD) & (speech >= LEAST_SPEECH_HEARD)
    fits = (quiet | heard) & (length <= LONGEST)
    return first[fits], last[fits]
