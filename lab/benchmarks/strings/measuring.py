"""What is heard of each number: with exact cuts, with the count known, without it; of what is no digit; how fast."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.benchmarks.strings.joining import Condition, Number, pink_noise
from lab.benchmarks.strings.people import load_words, minute_of
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.audio.normalize import SAMPLE_RATE_HZ, Waveform, read_recording, speech_windows

SOUNDS: dict[str, tuple[float | None, bool]] = {
    "clean": (None, False),
    "20 dB": (20.0, False),
    "10 dB": (10.0, False),
    "phone": (None, True),
}
"""Noise below speech, and whether it is in the band of a telephone."""
PAUSES_MS = (300, 100, 50, 20, 0, -40)
PARTS = 12  # recordings of 5 s in a minute
ROOM = 3e-3  # of full scale: the level of a silent room
DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True)
class Outcome:
    """One number. exact, known, unknown: whether all digits are right with exact cuts, with the count known, and
    without it; acceptable: with the count known, if it is confirmed."""

    source: str
    pause_ms: int
    sound: str
    exact: bool
    known: bool
    unknown: bool
    acceptable: bool
    cpu_s: float


def measure(reader: SpokenReader, source: str, sound: str, condition: Condition, number: Number) -> Outcome:
    pieces = [number.waveform[start:end] for start, end in number.cuts]
    probabilities, _ = reader.listen(np.stack(speech_windows(pieces)))
    exact = tuple(probabilities.argmax(axis=1).tolist()) == number.digits
    said = "".join(map(str, number.digits))
    started_s = time.process_time()
    known = reader.read_waveform(number.waveform, len(number.digits))
    cpu_s = time.process_time() - started_s
    # Where the count that is heard is the true one, both are the same number.
    unknown = known.count_heard == len(number.digits) and known.value == said
    return Outcome(
        source,
        condition.pause_ms,
        sound,
        exact,
        known.value == said,
        unknown,
        known.acceptable_if_confirmed,
        cpu_s,
    )


def shares(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Numbers right as a share of what exact cuts give, with 95 % intervals from a bootstrap of the numbers."""
    rows = np.array([(one.exact, one.known, one.unknown) for one in outcomes], np.float64)
    random = np.random.default_rng(0)
    sums = rows[random.integers(len(rows), size=(DRAWS, len(rows)))].sum(axis=1)  # (DRAWS, 3)
    found: dict[str, Any] = {"numbers": len(rows), "exact": float(rows[:, 0].mean())}
    for place, name in ((1, "known"), (2, "unknown")):
        drawn = sums[:, place] / np.maximum(sums[:, 0], 1)
        share = float(rows[:, place].sum() / max(rows[:, 0].sum(), 1))
        found[name] = {
            "share": share,
            "low": float(np.quantile(drawn, 0.025)),
            "high": float(np.quantile(drawn, 0.975)),
        }
    accepted = [one for one in outcomes if one.acceptable]
    return {**found, "acceptable": len(accepted), "wrong_among_them": sum(not one.known for one in accepted)}


def measure_nothing(reader: SpokenReader, data: Path, seed: int) -> dict[str, dict[str, int]]:
    """A minute of a silent room, of words and of noises, in recordings of 5 s: the digits heard, and how many numbers
    would be accepted if they were confirmed."""
    random = np.random.default_rng(seed)
    words, noises = load_words(data, "figures")
    room = pink_noise(60 * SAMPLE_RATE_HZ, random) * ROOM
    minutes: dict[str, Waveform] = {
        "silence": np.asarray(room, np.float32),
        "words": minute_of(words, Condition(300), random),
        "noise": minute_of(noises, Condition(0), random),
    }
    found = {}
    for name, waveform in minutes.items():
        heard = [reader.read_waveform(part) for part in np.array_split(waveform, PARTS)]
        found[name] = {
            "recordings": PARTS,
            "without_digits": sum(not each.digits for each in heard),
            "digits": sum(len(each.digits) for each in heard),
            "acceptable": sum(each.acceptable_if_confirmed for each in heard),
        }
    return found


def measure_real(reader: SpokenReader, folder: Path) -> list[dict[str, Any]]:
    """The recordings whose names are their digits."""
    rows = []
    for path in sorted(folder.glob("*.wav")):
        said = path.stem.replace("-", "")
        waveform = read_recording(path.read_bytes())
        for count in (len(said), None):
            heard = reader.read_waveform(waveform, count)
            rows.append(
                {
                    "said": said,
                    "count_known": count is not None,
                    "heard": heard.value,
                    "right": in_order(said, heard.value),
                    "reasons": list(heard.reasons),
                }
            )
    return rows


def in_order(said: str, heard: str) -> int:
    """The digits of the longest row that both have in this order."""
    table = np.zeros((len(said) + 1, len(heard) + 1), np.int64)
    for row, one in enumerate(said):
        for column, other in enumerate(heard):
            table[row + 1, column + 1] = max(
                table[row, column] + (one == other), table[row, column + 1], table[row + 1, column]
            )
    return int(table[-1, -1])
