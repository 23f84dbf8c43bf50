"""Reads a number that is spoken in one recording: cuts it into digits by what the model hears in each piece.

The likeliest digits with the likeliest cuts are found twice: the first pass tells the speaker's pace, the second one
uses it. Words such as "double" may change the number. Sound alone is never accepted: a caller that confirms the number,
by a check digit or by reading it back, may accept one whose only reason for review is not_confirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.boundaries import FRAME
from mmdigit.numbers.decoding import MAX_DIGITS, Decoded, align, count_scores, decode
from mmdigit.numbers.frame_evidence import N_DIGITS, FrameListener, shipped_listener
from mmdigit.numbers.heard_number import NOT_CONFIRMED, CutNumber, HeardDigit, HeardNumber, HeardReason
from mmdigit.numbers.lattice import Floats, Lattice
from mmdigit.numbers.number_words import NumberWord, place_digits
from mmdigit.numbers.spoken import Spans, listen_to_spans, spoken_lattice
from mmdigit.numbers.spoken_calibration import SpokenCalibration, shipped
from mmdigit.reading.audio.frames import peak_level
from mmdigit.reading.audio.limits import MIN_DURATION_S, RECORDING
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, SILENCE_PEAK, Waveform, read_recording
from mmdigit.reading.decision import sigmoid, softmax
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.errors import InvalidAudio

FLOOR = 0.01  # of what is written at a place
MOST_SURPRISING = 3.0  # times the slack of the count: from there on, another number of digits is said than is written
MAX_WORDS = 12  # that may change a number
PACE_PRIOR = 2  # digits of usual length that a speaker's pace is averaged with


@dataclass(frozen=True, eq=False)
class Hearing:
    """The likeliest number of a recording, with the scores that its confidence follows from.

    spans: without the words that change the number; counts: (MAX_DIGITS + 1,), the score of the likeliest number with
    each count of digits said; order: for each digit of the number, which of those that are said it is; words_score: of
    the words that change it; others: the digits and the scores of the likeliest numbers with other words, or with none.
    """

    spans: Spans
    lattice: Lattice
    counts: Floats
    decoded: Decoded | None
    order: tuple[int, ...]
    words_score: float = 0.0
    others: tuple[tuple[tuple[int, ...], float], ...] = ()

    @property
    def rows(self) -> NDArray[np.int64]:
        """Of the lattice: the spans of the digits that are said, (n,)."""
        return np.zeros(0, np.int64) if self.decoded is None else self.decoded.spans

    @property
    def said(self) -> tuple[int, ...]:
        """The digits that are said."""
        return () if self.decoded is None else tuple(self.decoded.scores.argmax(axis=1).tolist())

    @property
    def labels(self) -> tuple[int, ...]:
        """The digits of the number."""
        said = self.said
        return tuple(said[place] for place in self.order)

    @property
    def times_s(self) -> Floats:
        """When each digit is said: its middle, (n,)."""
        times_s = self.spans.boundaries.times_s
        return np.asarray((times_s[self.spans.first[self.rows]] + times_s[self.spans.last[self.rows]]) / 2, np.float64)

    @property
    def scores(self) -> Floats:
        """Of the likeliest number with each digit at each of its places, (len(order), 10)."""
        return np.zeros((0, N_DIGITS)) if self.decoded is None else self.decoded.scores[list(self.order)]

    @property
    def score(self) -> float:
        """Of the digits that are said, with what is left out."""
        return float(self.counts[self.rows.size])

    @property
    def total(self) -> float:
        """The score with that of the words."""
        return self.score + self.words_score

    @property
    def margin(self) -> float:
        """The score of the number before the next one of as many digits."""
        ordered = np.sort(self.scores, axis=1)
        within = float((ordered[:, -1] - ordered[:, -2]).min()) if len(ordered) else 0.0
        return min([within, *(self.total - total for labels, total in self.others if len(labels) == len(self.order))])

    @property
    def fit(self) -> float:
        """The score of a digit, on average, with what is left out."""
        return self.score / self.rows.size if self.rows.size else 0.0

    @property
    def count_margin(self) -> float:
        """The score of the number before the likeliest one of another count; negative if that one is likelier."""
        within = float(self.score - np.delete(self.counts, self.rows.size).max())
        return min([within, *(self.total - total for labels, total in self.others if len(labels) != len(self.order))])

    def behind(self, free: "Hearing") -> float:
        """How much likelier than this number, of a given count, one of another count is. free: of any count.

        What words make of another count counts in any case: they are rarely heard where nobody says them.
        """
        return float("inf") if free.words_score else max(-self.count_margin, free.total - self.total)


class SpokenReader:
    """Reads spoken numbers with a loaded model."""

    def __init__(
        self,
        predictor: Predictor,
        calibration: SpokenCalibration | None = None,
        listener: FrameListener | None = None,
    ) -> None:
        """calibration, listener: None = the shipped ones. Raises WeightsError if their files are damaged."""
        self._predictor = predictor
        self.listener = listener or shipped_listener()
        self._calibration = calibration or shipped()

    def read(self, recording: bytes, count: int | None = None) -> HeardNumber:
        """recording: a WAV, FLAC or Ogg Opus file of up to a minute; count: how many digits it has, None = unknown.

        Raises InvalidAudio if it cannot be decoded, ValueError for a count outside 1 to MAX_DIGITS.
        """
        return self.read_waveform(read_recording(recording), count)

    def read_waveform(self, waveform: Waveform, count: int | None = None) -> HeardNumber:
        """As read, of a decoded recording, (n_samples,), 8 kHz, range [-1, 1]."""
        spans = self._listen_to(waveform, count)
        duration_s = waveform.size / SAMPLE_RATE_HZ
        if spans is None:
            return self._nothing(duration_s, count, "silence", "no digit heard, the recording is silent")
        heard = self.decode(spans, None)
        if not self._has_digits(heard):
            return self._nothing(duration_s, count, "no_digit", "no digit heard")
        free = heard
        if count is not None and count != len(free.order):
            expected = self.decode(spans, count)
            heard = free if expected.decoded is None else expected
        return self._number(heard, free, count, duration_s)

    def cut(self, waveform: Waveform, written: Floats) -> CutNumber:
        """Where each written digit is said, and what is heard there.

        waveform: as of read_waveform. written: (n, 10), the probabilities of what is written at each place. Each digit
        is cut out by the writing of the others, so that its own does not choose what is heard. Raises InvalidAudio as
        read, and if no digit is heard; ValueError for more than MAX_DIGITS.
        """
        count = len(written)
        spans = self._listen_to(waveform, count)
        heard = None if spans is None else self.decode(spans, None)
        if spans is None or heard is None or not self._has_digits(heard):
            raise InvalidAudio(f"expected {count} spoken digits, got none; speak nearer to the microphone")
        free, unfit = heard, CutNumber(self._digits(heard), fits=False)
        if len(heard.order) != count:
            heard = self.decode(spans, count)
            surprising = heard.behind(free) > MOST_SURPRISING * self._calibration.count_slack
            if surprising or len(heard.order) != count:
                return unfit
        expected = np.zeros((heard.rows.size, N_DIGITS))  # nothing, of what is taken back
        np.add.at(expected, list(heard.order), np.log(np.clip(written, FLOOR, 1)))
        rows = align(heard.lattice, expected)
        if rows is None:
            return unfit
        rows = rows[list(heard.order)]
        return CutNumber(_heard_digits(spans, rows, np.exp(spans.log_probabilities[rows])), fits=True)

    def _listen_to(self, waveform: Waveform, count: int | None) -> Spans | None:
        """What the model makes of every span; None if the recording is silent. Raises as read."""
        if count is not None and not 1 <= count <= MAX_DIGITS:
            raise ValueError(f"expected a count of 1 to {MAX_DIGITS} digits, got {count}")
        if not MIN_DURATION_S <= waveform.size / SAMPLE_RATE_HZ <= RECORDING.max_duration_s:
            raise InvalidAudio(
                f"expected {MIN_DURATION_S:g}-{RECORDING.max_duration_s:g} s of audio, got "
                f"{waveform.size / SAMPLE_RATE_HZ:.2f} s; {RECORDING.advice}"
            )
        if peak_level(waveform) < SILENCE_PEAK:
            return None
        try:
            return listen_to_spans(waveform, self.listen, self.listener)
        except ValueError as exc:
            raise InvalidAudio(str(exc)) from exc

    def _has_digits(self, heard: Hearing) -> bool:
        return bool(heard.rows.size) and heard.spans.log_is_digit[heard.rows].mean() >= self._calibration.least_digit

    def listen(self, waveforms: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """The model's probabilities, (B, 10), and novelty, (B,), of waveforms, (B, N_SAMPLES)."""
        inputs = [ModelInput(None, waveform) for waveform in waveforms]
        outputs = self._predictor.outputs(inputs, ("audio_logits", "audio_novelty_logit"))
        temperature = self._predictor.temperature["audio"]
        return softmax(outputs["audio_logits"], temperature), sigmoid(outputs["audio_novelty_logit"])

    def decode(self, spans: Spans, count: int | None) -> Hearing:
        """The likeliest number in the spans, with `count` digits or any.

        Words may change it: then fewer or more digits are said. Each of them counts if the number is as likely with it.
        """
        best, others = self._decode(spans, count), []
        words: list[NumberWord] = []
        for word in spans.words[:MAX_WORDS]:
            other = self._decode_changed(spans, [*words, word], count)
            if other is None:
                continue
            if other.total >= best.total or (count is not None and best.decoded is None):
                best, other = other, best
                words.append(word)
            if other.decoded is not None:
                others.append((other.labels, other.total))
        return replace(best, others=tuple(other for other in others if other[0] != best.labels))

    def _decode_changed(self, spans: Spans, words: Sequence[NumberWord], count: int | None) -> Hearing | None:
        """The likeliest number that all these words change, of `count` digits or any; None if there is none."""
        spans = spans.without(words)
        heard = self._decode(spans, None)
        order = place_digits(words, heard.times_s.tolist())
        if order is not None and count is not None and len(order) != count:
            said = heard.rows.size + count - len(order)
            if not 1 <= said <= MAX_DIGITS:
                return None
            heard = self._decode(spans, said)
            order = place_digits(words, heard.times_s.tolist())
        if order is None or len(order) > MAX_DIGITS or (count is not None and len(order) != count):
            return None
        score = sum(word.log_odds - self._calibration.scoring.word for word in words)
        return replace(heard, order=order, words_score=score)

    def _decode(self, spans: Spans, count: int | None) -> Hearing:
        """With `count` digits said, or any."""
        scoring = self._calibration.scoring
        first = _decode(spans, spoken_lattice(spans, scoring), count)
        if first.decoded is None:
            return first
        rows = first.decoded.spans
        usual = np.log(np.take(scoring.usual_s, first.said))
        pace = float(np.median(spans.log_length_s[rows] - usual)) * rows.size / (rows.size + PACE_PRIOR)
        return _decode(spans, spoken_lattice(spans, scoring, pace), count)

    def _number(self, heard: Hearing, free: Hearing, expected: int | None, duration_s: float) -> HeardNumber:
        digits, count_heard = self._digits(heard), len(free.order)
        terms = heard.margin, heard.fit, heard.count_margin
        confidence = self._calibration.known.of(*terms)
        if count_heard != expected:
            confidence = min(confidence, self._calibration.unknown.of(*terms))
        reasons: dict[HeardReason, str] = {NOT_CONFIRMED: "sound alone is not accepted: confirm the number"}
        uncertain = confidence < self._calibration.sure
        surprising = uncertain or len(digits) != expected or heard.behind(free) > self._calibration.count_slack
        if expected is not None and count_heard != expected and surprising:
            reasons["wrong_count"] = f"heard {_digits(count_heard)}, expected {expected}"
        if uncertain:
            reasons["low_confidence"] = "some digits are uncertain"
        if (left_out_s := outside_s(heard)) > self._calibration.most_left_out_s:
            reasons["other_speech"] = f"{left_out_s:.1f} s of speech are no digit"
        return HeardNumber(
            digits,
            confidence,
            count_heard,
            expected,
            duration_s,
            tuple(reasons),
            tuple(reasons.values()),
            self._predictor.model_version,
        )

    def _digits(self, heard: Hearing) -> tuple[HeardDigit, ...]:
        return _heard_digits(
            heard.spans, heard.rows[list(heard.order)], softmax(heard.scores, self._calibration.temperature)
        )

    def _nothing(self, duration_s: float, expected: int | None, reason: HeardReason, message: str) -> HeardNumber:
        version = self._predictor.model_version
        return HeardNumber((), 0.0, 0, expected, duration_s, (reason,), (message,), version)


def _decode(spans: Spans, lattice: Lattice, count: int | None) -> Hearing:
    counts = count_scores(lattice, MAX_DIGITS)
    likeliest = int(counts.argmax()) if count is None else count
    decoded = decode(lattice, likeliest) if likeliest else None
    return Hearing(spans, lattice, counts, decoded, tuple(range(0 if decoded is None else decoded.spans.size)))


def _heard_digits(spans: Spans, rows: NDArray[np.int64], probabilities: Floats) -> tuple[HeardDigit, ...]:
    """rows: (n,), the spans of the digits; probabilities: (n, 10)."""
    frames = spans.boundaries.frames * (FRAME / SAMPLE_RATE_HZ)
    digits = []
    for row, chances in zip(rows, probabilities, strict=True):
        runner_up, label = np.argsort(chances, kind="stable")[-2:].tolist()
        start_s, end_s = float(frames[spans.first[row]]), float(frames[spans.last[row]])
        digits.append(HeardDigit(label, float(chances[label]), runner_up, float(chances[runner_up]), start_s, end_s))
    return tuple(digits)


def outside_s(heard: Hearing) -> float:
    """Seconds of loud speech outside of the digits that are said, and of the words that change them."""
    at, first, last = heard.spans.boundaries, heard.spans.first, heard.spans.last
    before = at.speech
    inside = float((before[last[heard.rows]] - before[first[heard.rows]]).sum())
    return (at.total_speech - inside) * FRAME / SAMPLE_RATE_HZ


def _digits(count: int) -> str:
    return f"{count} digit{'' if count == 1 else 's'}"
