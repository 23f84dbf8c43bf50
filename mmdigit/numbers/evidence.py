"""What is known of a line before and after its digits are chosen: spans, cuts, ink that is left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdigit.numbers.decoding import Decoded, count_scores, decode
from mmdigit.numbers.lattice import Floats, Lattice
from mmdigit.numbers.line_ink import LINE_HEIGHT, LineInk
from mmdigit.numbers.pieces import Pieces
from mmdigit.numbers.span_model import FittedLines, single_digit_odds
from mmdigit.numbers.spans import Spans
from mmdigit.numbers.written_number import Side, WrittenDigit
from mmdigit.reading.decision import sigmoid, softmax

MOST_DIGITS = 32
ODDS_RANGE, ODDS_WEIGHT = (-12.0, 6.0), 1.0  # the logarithm of odds that counts, and how much beside the digit's chance
LEFT_OUT = 60.0  # what ink that is in no digit costs, for as much as the square of a digit's height


@dataclass(frozen=True, eq=False)
class Weighed:
    """A line's spans, and what the model makes of each alone. images: (S, 28, 28). log_chances: (S, 10), of each digit.
    novelty_logits: (S,), above 0 = rather not a digit."""

    line: LineInk
    pieces: Pieces
    spans: Spans
    images: NDArray[np.float32]
    log_chances: Floats
    novelty_logits: Floats


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known before any digits are chosen. odds: (S,), logarithm of the odds that a span is one whole digit."""

    weighed: Weighed
    odds: Floats
    lattice: Lattice


def evidence_of(weighed: Weighed, fitted: FittedLines) -> Evidence:
    """The lattice of a line."""
    odds = single_digit_odds(weighed.log_chances, weighed.novelty_logits, weighed.spans.shapes, fitted)
    scores = weighed.log_chances + ODDS_WEIGHT * np.clip(odds, *ODDS_RANGE)[:, None]
    left_out = LEFT_OUT * np.concatenate([[0.0], np.cumsum(weighed.pieces.area)]) / LINE_HEIGHT**2
    spans = weighed.spans
    return Evidence(weighed, odds, Lattice(left_out, float(left_out[-1]), spans.first, spans.last, scores))


def count_chances(lattice: Lattice) -> Floats:
    """How likely each number of digits is, (MOST_DIGITS + 1,), sum 1. The first is 1 if there is no digit at all."""
    totals = count_scores(lattice, MOST_DIGITS)
    totals[0] = 0.0 if not np.isfinite(totals[1:]).any() else -np.inf
    return np.asarray(softmax(np.where(np.isfinite(totals), totals, -1e9)[None])[0], np.float64)


def digits_of(evidence: Evidence, decoded: Decoded, chances: Floats, scale: float) -> tuple[WrittenDigit, ...]:
    to_photo, cut_ink = evidence.weighed.line.to_photo * scale, evidence.weighed.pieces.cut_ink
    digits = []
    for row, span in zip(chances, decoded.spans.tolist(), strict=True):
        left, top, right, bottom = evidence.weighed.spans.boxes[span].tolist()
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ to_photo[:, :2].T
        ends: tuple[tuple[Side, int], ...] = (
            ("left", evidence.weighed.spans.first[span]),
            ("right", evidence.weighed.spans.last[span]),
        )
        best, second = np.argsort(-row, kind="stable")[:2].tolist()
        digits.append(
            WrittenDigit(
                best,
                float(row[best]),
                second,
                tuple((float(x), float(y)) for x, y in corners + to_photo[:, 2]),
                tuple(side for side, place in ends if cut_ink[place] > 0),
                tuple(row.tolist()),
            )
        )
    return tuple(digits)


def novelty_of(evidence: Evidence, decoded: Decoded) -> Floats:
    """How much each chosen span looks like no digit, (n,), range [0, 1]."""
    return sigmoid(evidence.weighed.novelty_logits[decoded.spans])


def cut_ink_of(evidence: Evidence, decoded: Decoded) -> float:
    """The most ink that a cut at the end of a digit goes through, as a share of a digit's height."""
    ends = np.concatenate([evidence.weighed.spans.first[decoded.spans], evidence.weighed.spans.last[decoded.spans]])
    return float(evidence.weighed.pieces.cut_ink[ends].max()) / LINE_HEIGHT


def left_out_of(evidence: Evidence, decoded: Decoded) -> float:
    """The ink that belongs to no digit, as a share of the square of a digit's height."""
    area = np.concatenate([[0.0], np.cumsum(evidence.weighed.pieces.area)])
    first, last = evidence.weighed.spans.first[decoded.spans], evidence.weighed.spans.last[decoded.spans]
    return float(area[-1] - (area[last] - area[first]).sum()) / LINE_HEIGHT**2


def other_number(lattice: Lattice, decoded: Decoded, chances: Floats, counts: Floats | None) -> str:
    """The likeliest other number: of another count, or with another digit at the least certain place."""
    best = chances.argmax(axis=1)
    place = int((chances.max(axis=1)).argmin())
    if counts is not None:
        second = int(np.argsort(-counts, kind="stable")[1])
        if second and counts[second] > 1 - chances[place].max():
            shorter = decode(lattice, second)
            if shorter is not None:
                return "".join(map(str, shorter.scores.argmax(axis=1)))
    best[place] = np.argsort(-chances[place], kind="stable")[1]
    return "".join(map(str, best))
