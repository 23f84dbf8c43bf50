"""Numbers for training: recordings of single digits in a row, with pauses, overlaps and words between them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform
from mmdigit.training.data.pronunciations import NUMBER_WORDS
from mmdigit.training.data.splits import Clip
from schemas.errors import DataError

FRAME = 80  # samples: 10 ms
SPEECH_DB, NOISE_DB, HEADROOM_DB = 26.0, 6.0, 12.0
"""Speech is at most SPEECH_DB below the loudest frame. In noise, if the two are HEADROOM_DB apart, it is NOISE_DB above
the quietest."""
KEPT = 3  # frames around speech, 30 ms
LEVEL = 0.1  # of full scale: the level of speech
LEVEL_DB = 2.5  # standard deviation between the words of a string

N_STRING_SAMPLES = 5 * SAMPLE_RATE_HZ
WORD = 10
"""The token of words that are no digits."""
NUMBER_WORD_TOKENS = tuple(range(WORD + 1, WORD + 1 + len(NUMBER_WORDS)))
"""Of NUMBER_WORDS."""
MAX_TOKENS = 24
SHORTEST, LONGEST = 10, 95  # frames of speech in a digit; in others, no speech stands out of the noise
LONGEST_WORD = 110
GAPS_S = ((0.45, -0.09, 0.0), (0.27, -0.01, 0.08), (0.18, 0.05, 0.3), (0.1, 0.2, 0.7))  # share, from, to
MIN_SPEED, MAX_SPEED, SPEED_SD = 0.78, 1.4, 0.07  # of a string, by resampling; of its words about that
SAME_SPEAKER = 0.75  # of the strings, where a speaker said MIN_DIGITS different ones
MIN_DIGITS = 3
WHOLE = 0.35  # of the strings, said in one breath
MIXED = 0.15  # of the strings: every digit by anybody
WITH_WORDS, ONLY_WORDS = 0.4, 0.04  # of the strings
CUT, MAX_CUT = 0.15, 0.15  # of the digits, and of such a digit's length at its beginning or end


class StringBatch(NamedTuple):
    """waveforms: (B, N_STRING_SAMPLES); tokens: (B, MAX_TOKENS), 0-9, WORD and NUMBER_WORD_TOKENS, then zeros; counts:
    (B,), of tokens."""

    waveforms: NDArray[np.float32]
    tokens: NDArray[np.int64]
    counts: NDArray[np.int64]


def trim(waveform: Waveform) -> Waveform:
    """The speech of a recording of one word, at LEVEL. waveform: (n_samples,), 8 kHz, at least a frame of sound."""
    count = waveform.size // FRAME
    power = (waveform[: count * FRAME].reshape(count, FRAME).astype(np.float64) ** 2).mean(axis=1)
    loud = np.convolve(power, np.ones(3) / 3, "same") if count >= 3 else power
    level_db = 10 * np.log10(loud + 1e-12)
    loudest, quietest = level_db.max(), np.percentile(level_db, 10)
    spoken = np.flatnonzero(level_db > max(loudest - SPEECH_DB, min(quietest + NOISE_DB, loudest - HEADROOM_DB)))
    first, last = max(0, spoken[0] - KEPT), min(count, spoken[-1] + 1 + KEPT)
    level = float(np.sqrt(power[spoken].mean()))
    return np.asarray(waveform[first * FRAME : last * FRAME] * (LEVEL / max(level, 1e-9)), np.float32)


class SpokenString(NamedTuple):
    """A number that was said in one breath: waveform, (n_samples,), 8 kHz, at LEVEL."""

    waveform: Waveform
    tokens: tuple[int, ...]


class _Said(NamedTuple):
    label: int
    speech: Waveform


class SpokenStrings:
    """Draws strings from these clips, each from one source; shares: how often each source is drawn. WHOLE of them are
    not joined but said in one breath, if there are such. number_words: the share of NUMBER_WORDS among what is said;
    0 = they are words like others.

    Raises DataError if no digit is long enough.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        shares: Mapping[str, float],
        whole: Sequence[SpokenString] = (),
        number_words: float = 0.0,
    ) -> None:
        self._whole, self._number_share = whole, number_words
        by_speaker: dict[str, dict[str, list[_Said]]] = defaultdict(lambda: defaultdict(list))
        words: dict[str, list[_Said]] = defaultdict(list)
        of_number_words: dict[str, list[_Said]] = defaultdict(list)
        for clip in clips:
            if clip.source not in shares or clip.waveform.size < KEPT * FRAME or not clip.waveform.any():
                continue
            speech = trim(clip.waveform)
            frames = speech.size / FRAME
            if clip.label is None and SHORTEST <= frames <= LONGEST_WORD:
                if self._number_share and clip.word in NUMBER_WORDS:
                    token = NUMBER_WORD_TOKENS[NUMBER_WORDS.index(clip.word)]
                    of_number_words[clip.word].append(_Said(token, speech))
                else:
                    words[clip.source].append(_Said(WORD, speech))
            elif clip.label is not None and SHORTEST <= frames <= LONGEST:
                by_speaker[clip.source][clip.speaker].append(_Said(clip.label, speech))
        if not by_speaker:
            raise DataError("expected spoken digits of 0.1 s or more, got none; restore the recordings")
        self._sources = sorted(by_speaker)
        weights = np.array([shares[source] for source in self._sources])
        self._weights = weights / weights.sum()
        self._all = {source: list(chain.from_iterable(of.values())) for source, of in by_speaker.items()}
        self._speakers = {
            source: [said for said in of.values() if len({each.label for each in said}) >= MIN_DIGITS]
            for source, of in by_speaker.items()
        }
        self._words = list(words.values())
        self._number_words = [of_number_words[word] for word in sorted(of_number_words)]

    def batch(self, count: int, random: np.random.Generator) -> StringBatch:
        """The next `count` strings, without noise."""
        waveforms = np.zeros((count, N_STRING_SAMPLES), np.float32)
        tokens, counts = np.zeros((count, MAX_TOKENS), np.int64), np.zeros(count, np.int64)
        for row in range(count):
            said = self._draw(waveforms[row], random)
            tokens[row, : len(said)], counts[row] = said, len(said)
        return StringBatch(waveforms, tokens, counts)

    def _draw(self, waveform: Waveform, random: np.random.Generator) -> list[int]:
        """Add a string to this silent waveform. Returns its tokens."""
        if self._whole and random.random() < WHOLE:
            string = self._whole[int(random.integers(len(self._whole)))]
            at = int(random.uniform(0, waveform.size - string.waveform.size))
            waveform[at : at + string.waveform.size] = string.waveform
            return list(string.tokens)
        pool, gap_s = self._pool(random), self._gaps(random)
        speed = float(np.exp(random.uniform(np.log(MIN_SPEED), np.log(MAX_SPEED))))
        most = int(random.integers(1, 16)) if random.random() < 0.5 else MAX_TOKENS
        words = random.uniform(0.05, 0.4) if random.random() < WITH_WORDS else 0.0
        words = 1.0 if random.random() < ONLY_WORDS else words
        tokens: list[int] = []
        at = int(random.uniform(0, 0.6) * SAMPLE_RATE_HZ)
        for _ in range(most):
            chosen = self._words[random.integers(len(self._words))] if self._words and random.random() < words else pool
            if self._number_words and random.random() < self._number_share:
                chosen = self._number_words[random.integers(len(self._number_words))]
            said = chosen[random.integers(len(chosen))]
            speech = _varied(said, speed * float(np.exp(random.normal(0, SPEED_SD))), random)
            if at + speech.size > waveform.size:
                break
            gap = int(random.uniform(*gap_s) * SAMPLE_RATE_HZ)
            fade = max(-gap, FRAME // 2) if random.random() < 0.5 else FRAME // 2
            waveform[at : at + speech.size] += _faded(speech, fade)
            at = max(0, at + speech.size + gap)
            if said.label != WORD or tokens[-1:] != [WORD]:  # words in a row are one token
                tokens.append(said.label)
        return tokens

    def _pool(self, random: np.random.Generator) -> list[_Said]:
        source = self._sources[random.choice(len(self._sources), p=self._weights)]
        speakers = self._speakers[source]
        if random.random() < MIXED or not speakers or random.random() >= SAME_SPEAKER:
            return self._all[source]
        return speakers[random.integers(len(speakers))]

    @staticmethod
    def _gaps(random: np.random.Generator) -> tuple[float, float]:
        kind = random.choice(len(GAPS_S), p=[share for share, _, _ in GAPS_S])
        return GAPS_S[kind][1:]


def _varied(said: _Said, speed: float, random: np.random.Generator) -> Waveform:
    speech = soxr.resample(said.speech, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="LQ")
    if said.label < WORD and random.random() < CUT:
        cut = int(speech.size * random.uniform(0, MAX_CUT))
        speech = speech[cut:] if random.random() < 0.5 else speech[: speech.size - cut]
    return np.asarray(speech * 10 ** (random.normal(0, LEVEL_DB) / 20), np.float32)


def _faded(speech: Waveform, fade: int) -> Waveform:
    fade = min(fade, speech.size // 3)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    speech[:fade] *= ramp
    speech[speech.size - fade :] *= ramp[::-1]
    return speech
