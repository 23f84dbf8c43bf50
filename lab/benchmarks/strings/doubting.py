"""python -m lab.benchmarks.strings.doubting: which digits of spoken numbers the page's view Listen marks as doubtful.

On numbers of eight digits of the people for tuning (lab/benchmarks/strings/people.py), where eight were heard.
DOUBT in mmdigit/webapp/js/listen/digits.js is one of the rows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.benchmarks.strings.calibrating import CONDITIONS
from lab.benchmarks.strings.command import Result, measured
from lab.benchmarks.strings.people import load_speakers, numbers
from lab.kit.report import progress
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program

LENGTH = 8
BARS = (0.8, 0.9, 0.95, 0.98, 0.99)


def shares(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """For each of BARS, the shares of wrong and of right digits that are less sure. confidence, right: (N,)."""
    return [
        {
            "confidence": bar,
            "wrong": float((confidence[~right] < bar).sum() / max(1, (~right).sum())),
            "right": float((confidence[right] < bar).sum() / max(1, right.sum())),
        }
        for bar in BARS
    ]


def _run(data: Path, count: int) -> Result:
    reader, speakers = SpokenReader(Predictor.load()), load_speakers(data, "tuning")
    heard: list[tuple[float, bool]] = []
    said = [each for condition in CONDITIONS for each in numbers(speakers, condition, count, LENGTH, seed=27)]
    for _, number in progress(said, "listening"):
        digits = reader.read_waveform(number.waveform).digits
        if len(digits) == LENGTH:
            heard += [(each.confidence, each.label == digit) for each, digit in zip(digits, number.digits, strict=True)]
    confidence, right = (np.array(each) for each in zip(*heard, strict=True))
    return {"digits": right.size, "wrong": int((~right).sum()), "marked": shares(confidence, right)}


def _table(result: Result) -> str:
    lines = [f"{result['digits']} digits, {result['wrong']} of them wrong", "below  of the wrong  of the right"]
    lines += [f"{row['confidence']:5}  {row['wrong']:12.1%}  {row['right']:12.1%}" for row in result["marked"]]
    return "\n".join(lines)


def _main(argv: Sequence[str]) -> int:
    return measured("lab.benchmarks.strings.doubting", "numbers", __doc__, argv, _run, _table)


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("lab.benchmarks.strings.doubting", _main, argv)


if __name__ == "__main__":
    sys.exit(main())
