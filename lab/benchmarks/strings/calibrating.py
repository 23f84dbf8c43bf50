"""python -m lab.benchmarks.strings.calibrating: fits the constants of spoken numbers to the shipped model.

On numbers of the people for tuning (lab/benchmarks/strings/people.py). --search also tries other weights of the score,
one after the other, which takes several minutes more.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.benchmarks.strings.joining import Condition
from lab.benchmarks.strings.people import load_speakers, load_words, minute_of, numbers
from lab.kit.report import progress
from lab.kit.spread import rounded
from mmdigit.numbers.spoken import Spans, SpanScoring, listen_to_spans
from mmdigit.numbers.spoken_calibration import FILE, Confidence, SpokenCalibration, shipped
from mmdigit.numbers.spoken_reader import Hearing, SpokenReader, outside_s
from mmdigit.reading.decision import softmax
from mmdigit.reading.predictor import Predictor
from mmdigit.settings.program import run_program

CONDITIONS = (
    *(Condition(pause) for pause in (300, 100, 50, 20, 0, -40)),
    *(Condition(50, 20.0), Condition(0, 20.0), Condition(50, 10.0), Condition(50, None, phone=True)),
)
SHARES = {8: 0.6, 4: 0.2, 1: 0.2}  # of the numbers of each condition, by their length
TRIED = {
    "frames": (0.0, 0.3, 0.5, 0.7, 1.0, 1.5),
    "cut": (0.2, 0.4, 0.6, 0.9),
    "left_out": (0.15, 0.2, 0.3),
    "novelty": (0.75, 1.0, 1.5),
    "paced_length": (0.3, 0.5, 0.8),
    "paced_length_sd": (0.25, 0.3, 0.35),
}
KEPT = 0.99  # of the numbers read rightly: the share that no other reason may send to review
SURE = 0.8
LEFT_OUT_S = 0.1  # of loud speech that is never worth a word
TEMPERATURES = np.geomspace(0.3, 4, 40)
SEED = 1


class Sample(NamedTuple):
    """digits: () = none was said."""

    spans: Spans
    digits: tuple[int, ...]


def samples(reader: SpokenReader, data: Path, count: int) -> Iterator[Sample]:
    """count: numbers of each condition."""
    speakers = load_speakers(data, "tuning")
    for place, condition in enumerate(CONDITIONS):
        for length, share in SHARES.items():
            for _, number in numbers(speakers, condition, round(share * count), length, 100 * place + length):
                yield Sample(listen_to_spans(number.waveform, reader.listen, reader.listener), number.digits)
    random = np.random.default_rng(SEED)
    words, _ = load_words(data, "tuning")
    for condition in CONDITIONS[:3]:
        whole = minute_of(words, condition, random)
        for part in np.array_split(whole, 12):
            yield Sample(listen_to_spans(part, reader.listen, reader.listener), ())


def right(reader: SpokenReader, heard: Sequence[Sample]) -> int:
    """Numbers read rightly, those with the count known and those without it added up."""
    said = [sample for sample in heard if sample.digits]
    return sum(
        reader.decode(sample.spans, count).labels == sample.digits
        for sample in said
        for count in (len(sample.digits), None)
    )


def search(predictor: Predictor, calibration: SpokenCalibration, heard: Sequence[Sample]) -> SpokenCalibration:
    """The calibration with the weights of the score that read most numbers rightly, one weight after the other."""

    def with_scoring(scoring: SpanScoring) -> SpokenCalibration:
        return calibration.model_copy(update={"scoring": scoring})

    best = right(SpokenReader(predictor, calibration), heard)
    for name, values in TRIED.items():
        for value in values:
            candidate = with_scoring(SpanScoring(**{**asdict(calibration.scoring), name: value}))
            if (found := right(SpokenReader(predictor, candidate), heard)) > best:
                best, calibration = found, candidate
    return calibration


def calibrate(predictor: Predictor, calibration: SpokenCalibration, heard: Sequence[Sample]) -> SpokenCalibration:
    """Everything but the weights of the score."""
    reader = SpokenReader(predictor, calibration)
    said = [sample for sample in heard if sample.digits]
    known = [(reader.decode(sample.spans, len(sample.digits)), sample) for sample in said]
    unknown = [(reader.decode(sample.spans, None), sample) for sample in said]
    good = [(hearing, sample) for hearing, sample in known if hearing.labels == sample.digits]
    certain = [_log_is_digit(hearing, sample) for hearing, sample in unknown if hearing.labels == sample.digits]
    words = [(reader.decode(sample.spans, None), sample) for sample in heard if not sample.digits]
    of_words = [_log_is_digit(hearing, sample) for hearing, sample in words if hearing.rows.size]
    left_out_s = [outside_s(hearing) for hearing, _ in good]
    return calibration.model_copy(
        update={
            "model_version": predictor.model_version,
            "listener_sha256": reader.listener.sha256,
            "temperature": _temperature(known),
            "count_slack": max(0.0, -float(np.quantile([hearing.count_margin for hearing, _ in good], 1 - KEPT))),
            "least_digit": float(min(np.quantile(certain, 1 - KEPT), np.median(of_words))),
            "most_left_out_s": max(LEFT_OUT_S, float(np.quantile(left_out_s, KEPT))),
            "sure": SURE,
            "known": _confidence(known, lambda hearing: 0.0),
            "unknown": _confidence(unknown, lambda hearing: hearing.count_margin),
        }
    )


def _log_is_digit(hearing: Hearing, sample: Sample) -> float:
    return float(sample.spans.log_is_digit[hearing.rows].mean())


def _temperature(known: Sequence[tuple[Hearing, Sample]]) -> float:
    """The one with the highest likelihood of the digits that were said."""
    rows = [(hearing.scores, sample.digits) for hearing, sample in known if hearing.rows.size]
    scores, digits = np.concatenate([each for each, _ in rows]), np.concatenate([each for _, each in rows])
    losses = [
        -np.log(softmax(scores, temperature)[np.arange(digits.size), digits] + 1e-12).mean()
        for temperature in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _confidence(found: Sequence[tuple[Hearing, Sample]], count_margin: Callable[[Hearing], float]) -> Confidence:
    """Fitted by logistic regression; no term may lower the confidence of what fits better."""
    terms = np.array([(1.0, np.log1p(h.margin), h.fit, np.log1p(max(count_margin(h), 0.0))) for h, _ in found])
    target = np.array([hearing.labels == sample.digits for hearing, sample in found], np.float64)
    weights = _logistic(terms, target)
    return Confidence(intercept=weights[0], margin=weights[1], fit=weights[2], count_margin=weights[3])


def _logistic(terms: NDArray[np.float64], target: NDArray[np.float64]) -> list[float]:
    """Weights of the terms, all but the first at least 0, by projected gradient descent with a little shrinkage."""
    scale = np.maximum(np.abs(terms).max(axis=0), 1e-9)
    scaled, weights = terms / scale, np.zeros(terms.shape[1])
    for _ in range(20_000):
        chance = 1 / (1 + np.exp(-(scaled @ weights).clip(-60, 60)))
        weights -= 2.0 * (scaled.T @ (chance - target) / target.size + 1e-4 * weights)
        weights[1:] = np.maximum(weights[1:], 0)
    return [float(weight) for weight in weights / scale]


def _main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.strings.calibrating", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=40, metavar="N", help="numbers a condition (default: %(default)s)")
    parser.add_argument("--search", action="store_true", help="also try other weights of the score")
    parser.add_argument("--output", type=Path, default=FILE, metavar="FILE", help="default: the shipped constants")
    given = parser.parse_args(argv)
    predictor, calibration = Predictor.load(), shipped()
    reader = SpokenReader(predictor, calibration)
    heard = list(progress(samples(reader, given.data, given.count), "listening"))
    if given.search:
        calibration = search(predictor, calibration, heard)
    calibration = calibrate(predictor, calibration, heard)
    figures = rounded({**calibration.model_dump(), "scoring": asdict(calibration.scoring)})
    given.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    said = sum(bool(sample.digits) for sample in heard)
    found = right(SpokenReader(predictor, calibration), heard)
    sys.stdout.write(f"{found} of {2 * said} numbers right, the count known and unknown: {given.output}\n")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return run_program("lab.benchmarks.strings.calibrating", _main, argv)


if __name__ == "__main__":
    sys.exit(main())
