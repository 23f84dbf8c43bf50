"""python -m lab.benchmarks.strings: numbers of eight digits, joined from recordings that no training has heard.

Each number is one person's, or one data set's voices, at pauses of 300 to 0 ms or overlapping by 40 ms, clean, in
noise, by telephone; read with exact cuts, with the count known and without it. Then a real recording, and a minute each
of what is no digit. Nothing may be tuned on these people: lab/benchmarks/strings/people.py has others for that.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lab.benchmarks.strings.command import measured
from lab.benchmarks.strings.joining import Condition
from lab.benchmarks.strings.measuring import (
    PAUSES_MS,
    SOUNDS,
    Outcome,
    measure,
    measure_nothing,
    measure_real,
    shares,
)
from lab.benchmarks.strings.page import table
from lab.benchmarks.strings.people import load_speakers, numbers
from lab.kit.report import progress
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program

MODULE = "lab.benchmarks.strings"
LENGTH = 8
SEED = 7


def run(data: Path, count: int) -> dict[str, Any]:
    """count: numbers of each pause and sound."""
    reader = SpokenReader(Predictor.load())
    speakers = load_speakers(data, "figures")
    cells = [(pause, sound) for pause in PAUSES_MS for sound in SOUNDS]
    outcomes: list[Outcome] = []
    for place, (pause, sound) in enumerate(progress(cells, f"{count * len(cells)} numbers")):
        noise_db, phone = SOUNDS[sound]
        condition = Condition(pause, noise_db, phone)
        for speaker, number in numbers(speakers, condition, count, LENGTH, 100 * SEED + place):
            outcomes.append(measure(reader, speaker.source, sound, condition, number))

    sources = sorted({outcome.source for outcome in outcomes})

    def by(name: Callable[[Outcome], str], names: Iterable[str]) -> dict[str, Any]:
        return {each: shares([outcome for outcome in outcomes if name(outcome) == each]) for each in names}

    return {
        "pauses": by(lambda one: str(one.pause_ms), map(str, PAUSES_MS)),
        "sounds": by(lambda one: one.sound, SOUNDS),
        "sources": by(lambda one: one.source, sources),
        "run_together": by(lambda one: one.source if one.pause_ms < 0 else "", sources),
        "all": shares(outcomes),
        "real": measure_real(reader, data / "spoken-strings"),
        "nothing": measure_nothing(reader, data, SEED),
        "cpu_ms": 1000 * statistics.median(one.cpu_s for one in outcomes),
    }


def main(argv: Sequence[str] | None = None) -> int:
    return run_program(MODULE, lambda given: measured(MODULE, "numbers", __doc__, given, run, table), argv)


if __name__ == "__main__":
    raise SystemExit(main())
