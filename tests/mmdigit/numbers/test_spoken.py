"""Spans of a recording: of the length of a digit, heard in batches, scored by what is heard and by their length."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdigit.numbers import spoken
from mmdigit.numbers.frame_evidence import FrameListener
from mmdigit.numbers.lattice import Floats
from mmdigit.numbers.spoken import BATCH, LONGEST, SHORTEST, Spans, listen_to_spans, spoken_lattice
from mmdigit.numbers.spoken_calibration import shipped
from mmdigit.reading.audio.normalize import Waveform
from tests.mmdigit.clips import tone

SCORING = shipped().scoring


def listen(waveforms: NDArray[np.float32]) -> tuple[Floats, Floats]:
    assert 1 <= len(waveforms) <= BATCH
    return np.full((len(waveforms), 10), 0.1), np.full(len(waveforms), 0.5)


class Listener(FrameListener):
    """Knows nothing."""

    def __init__(self) -> None:
        pass

    def log_odds(self, waveform: Waveform) -> Floats:
        return np.zeros((waveform.size // 320, 13))


@pytest.fixture
def spans() -> Spans:
    noise = np.random.default_rng(0).normal(0, 1e-4, 24_000)
    noise[4000:6400] += tone(0.3)
    noise[12_000:16_000] += tone(0.5)
    return listen_to_spans(noise.astype(np.float32), listen, Listener())


def test_spans_are_as_long_as_a_digit(spans: Spans) -> None:
    frames = np.diff(spans.boundaries.frames[np.stack([spans.first, spans.last])], axis=0)
    assert frames.size > 0
    assert ((frames >= SHORTEST) & (frames <= LONGEST)).all()
    assert np.exp(spans.log_length_s) == pytest.approx(0.01 * frames[0])


def test_many_spans_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "MAX_SPANS", 1)
    with pytest.raises(ValueError, match="cut the recording"):
        listen_to_spans(np.resize(tone(1.0), 24_000).astype(np.float32), listen, Listener())


def test_scores_fall_with_novelty_cuts_and_odd_lengths(spans: Spans) -> None:
    scores = spoken_lattice(spans, SCORING).scores
    novel = spans._replace(log_is_digit=spans.log_is_digit - 1)
    assert (spoken_lattice(novel, SCORING).scores < scores).all()
    loud = spans._replace(boundaries=spans.boundaries._replace(loudness=spans.boundaries.loudness + 1))
    assert (spoken_lattice(loud, SCORING).scores < scores).all()
    likely = spans._replace(log_odds=spans.log_odds + 1)
    assert (spoken_lattice(likely, SCORING).scores > scores).all()
    free = spoken_lattice(spans, replace(SCORING, length=0.0)).scores
    assert (scores <= free).all()


def test_pace_makes_slow_digits_usual(spans: Spans) -> None:
    pace = float(np.log(1.5))
    slow = spans._replace(log_length_s=np.full_like(spans.log_length_s, np.log(1.5 * SCORING.usual_s[0])))
    usual = spans._replace(log_length_s=np.full_like(spans.log_length_s, np.log(SCORING.usual_s[0])))
    assert spoken_lattice(slow, SCORING, pace).scores[:, 0] == pytest.approx(
        spoken_lattice(usual, SCORING, 0.0).scores[:, 0]
    )
