"""How much likelier than none each digit is in a span of a recording, by a listener of the whole recording.

The listener (spoken.onnx, `mmdigit train --strings-only`) gives the odds of each digit every 40 ms. It knows what is
said before and after, and where one digit ends and the next one begins even where nobody pauses; the model that reads
single digits knows each piece better. The lattice adds both. The listener also gives the odds of NUMBER_WORDS.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.files.regular import read_regular
from mmdigit.numbers.lattice import Floats
from mmdigit.reading.audio.normalize import Waveform
from mmdigit.reading.predictor import open_session
from schemas.errors import WeightsError
from schemas.printable import printable

FILE = Path(__file__).parent / "spoken.onnx"
MAX_BYTES = 64 * 1024 * 1024
N_DIGITS = 10
NUMBER_WORDS = ("double", "triple", "no")
"""They change a number (number_words.py); the order is that of the training."""
HOP = 160  # samples: 20 ms; a recording is padded to a multiple of it
STEP_S, FIRST_S = 0.04, 0.016  # from the middle of a step to that of the next one; of the first step
STEP_FRAMES, FIRST_FRAMES = 4, 2  # the same in frames of 10 ms, rounded
LEAST = -20.0  # of the odds of a span, as a logarithm
LEAST_PEAK = -4.0  # of the odds of the likeliest digit or word, as a logarithm
REACH = 35  # frames of 10 ms: no digit begins or ends farther from its peak


class FrameListener:
    """A loaded listener. sha256: of its file, in hex."""

    def __init__(self, content: bytes) -> None:
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = open_session(content, 1)
        if (size := self._session.get_outputs()[0].shape[1]) != N_DIGITS + len(NUMBER_WORDS):
            raise ValueError(f"expected odds of {N_DIGITS} digits and {len(NUMBER_WORDS)} words, got {size}")

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Raises WeightsError if the file is missing or damaged."""
        try:
            return cls(read_regular(path, MAX_BYTES))
        except Exception as exc:  # ONNX Runtime's errors have no common base
            reason = printable(str(exc), 100) if isinstance(exc, ValueError) else type(exc).__name__
            raise WeightsError(f"expected the listener at {path}, got an error ({reason}); restore the file") from exc

    def log_odds(self, waveform: Waveform) -> Floats:
        """Every STEP_S, the logarithm of the odds of each digit against none, and of each of NUMBER_WORDS
        against all else, (n_steps, N_DIGITS + len(NUMBER_WORDS)).

        waveform: (n_samples,), 8 kHz, range [-1, 1].
        """
        size = max(2, -(-waveform.size // HOP)) * HOP
        padded = np.zeros((1, size), np.float32)
        padded[0, : waveform.size] = waveform
        return np.asarray(self._session.run(None, {"waveform": padded})[0], np.float64)


@cache
def shipped_listener() -> FrameListener:
    return FrameListener.load()


def heard_ends(log_odds: Floats) -> NDArray[np.int64]:
    """Where digits begin and end by the listener, in frames of 10 ms, rising: halfway between the peaks of its odds, of
    words too, or REACH from one.

    log_odds: (n_steps, N_DIGITS + len(NUMBER_WORDS)). Some lie before 0 or after the last frame.
    """
    odds = np.pad(log_odds.max(axis=1), 1, constant_values=-np.inf)
    here = odds[1:-1]
    (peaks,) = np.nonzero((here > LEAST_PEAK) & (here >= odds[:-2]) & (here > odds[2:]))
    frames = STEP_FRAMES * peaks + FIRST_FRAMES
    halfway = (frames[1:] + frames[:-1]) // 2
    first, last = frames - REACH, frames + REACH
    first[1:], last[:-1] = np.maximum(first[1:], halfway), np.minimum(last[:-1], halfway)
    return np.union1d(first, last)


def span_log_odds(log_odds: Floats, first: NDArray[np.int64], last: NDArray[np.int64], times_s: Floats) -> Floats:
    """The logarithm of the odds of each digit in each span, (S, 10), at least LEAST: of the best run of its steps.

    log_odds: (n_steps, 10); first, last: (S,), the boundaries of each span, by their places in times_s, (K,), rising.
    Source: Bentley 1984, "Programming Pearls: Algorithm Design Techniques", the maximum subarray.
    """
    steps = np.clip(np.ceil((times_s - FIRST_S) / STEP_S).astype(np.int64), 0, len(log_odds))
    found = np.full((first.size, 10), LEAST)
    for start in np.unique(first):
        spans = np.flatnonzero(first == start)
        ends = steps[last[spans]] - steps[start]  # in steps from the start
        inside = log_odds[steps[start] : steps[start] + int(ends.max(initial=0))]
        best = np.full((len(inside) + 1, 10), LEAST)
        run = np.full(10, LEAST)
        for step, odds in enumerate(inside):
            run = np.maximum(run, 0) + odds
            best[step + 1] = np.maximum(best[step], run)
        found[spans] = best[ends]
    return found
