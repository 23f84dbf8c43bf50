"""Measures of answers: shares and intervals, calibration, risk against coverage, detection. Needs numpy alone."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.error_bounds import error_bound

BOOTSTRAPS = 1000
SEED = 20_261_123
Z_95 = 1.959964  # of the normal distribution: 95 % lie within

# The shares of all answers at which a risk-coverage table states the error, unless confidences are named.
COVERAGES = (1.0, 0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)

Right = NDArray[np.bool_]
Numbers = NDArray[np.float64]


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, range [0, 1]. Raises ValueError if total is 0. Source: Wilson 1927."""
    if total <= 0:
        raise ValueError("expected at least one answer to measure a share, got none")
    share = right / total
    middle = share + Z_95**2 / (2 * total)
    spread = Z_95 * math.sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2))
    scale = 1 + Z_95**2 / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def two_way_bootstrap(right: Sequence[NDArray[Any]], seed: int = SEED, draws: int = BOOTSTRAPS) -> tuple[float, float]:
    """95 % interval of the share of right pairs when both images and clips are drawn anew.

    right: one (n_images, n_clips) table a label: whether each pair of that label was read rightly; or the difference
    of two such tables, range [-1, 1], for the interval of a gain.
    Raises ValueError if there is no pair. Source: Owen 2007, "The pigeonhole bootstrap".
    """
    pairs = sum(table.size for table in right)
    if pairs == 0:
        raise ValueError("expected at least one pair to measure a share, got none")
    random = np.random.default_rng(seed)
    hits = np.zeros(draws)
    for table in right:
        n_images, n_clips = table.shape
        if table.size:
            images, clips = _redrawn(n_images, draws, random), _redrawn(n_clips, draws, random)
            hits += ((images @ table.astype(np.float32)) * clips).sum(axis=1, dtype=np.float64)
    return _middle_95(hits / pairs)


def clustered_bootstrap(
    right: NDArray[Any], clusters: NDArray[Any], seed: int = SEED, draws: int = BOOTSTRAPS
) -> tuple[float, float]:
    """95 % interval of a share when whole clusters (writers, speakers) are drawn anew, with all their answers.

    right: (N,), whether each answer was right, or how much of it was; clusters: (N,), who each answer belongs to.
    Raises ValueError if there is no answer. Source: Davison and Hinkley 1997, "Bootstrap Methods", section 3.8.
    """
    if right.size == 0:
        raise ValueError("expected at least one answer to measure a share, got none")
    names, members = np.unique(clusters, return_inverse=True)
    hits = np.bincount(members, weights=right.astype(np.float64))
    totals = np.bincount(members).astype(np.float64)
    drawn = _redrawn(names.size, draws, np.random.default_rng(seed)).astype(np.float64)
    return _middle_95((drawn @ hits) / (drawn @ totals))


def _redrawn(count: int, draws: int, random: np.random.Generator) -> NDArray[np.float32]:
    """How often each of count things comes when count are drawn with replacement: (draws, count), rows sum to count."""
    chosen = random.integers(0, count, (draws, count)) + np.arange(draws)[:, None] * count
    return np.bincount(chosen.ravel(), minlength=draws * count).reshape(draws, count).astype(np.float32)


def _middle_95(shares: Numbers) -> tuple[float, float]:
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def auroc(known: Numbers, novel: Numbers) -> float:
    """The chance that a novel sample scores higher than a known one, ties counting half."""
    return float(_placements(known, novel).mean())


def auroc_interval(known: Numbers, novel: Numbers) -> tuple[float, float]:
    """95 % interval of the AUROC, range [0, 1].

    known, novel: (N,), (M,), at least two of each, else ValueError. Source: DeLong, DeLong and Clarke-Pearson 1988.
    """
    if min(known.size, novel.size) < 2:
        raise ValueError(f"expected two known and two novel scores or more, got {known.size} and {novel.size}")
    above, below = _placements(known, novel), 1 - _placements(novel, known)
    spread = Z_95 * math.sqrt(above.var(ddof=1) / novel.size + below.var(ddof=1) / known.size)
    middle = float(above.mean())
    return max(0.0, middle - spread), min(1.0, middle + spread)


def _placements(known: Numbers, novel: Numbers) -> Numbers:
    """(M,): the share of the known scores that lie below each novel one, ties counting half."""
    order = np.sort(known)
    below, through = np.searchsorted(order, novel, side="left"), np.searchsorted(order, novel, side="right")
    return np.asarray((below + through) / 2 / known.size, np.float64)


def reliability(confidence: Numbers, right: Right, bins: int = 15) -> list[dict[str, float]]:
    """What a reliability diagram shows, for each bin of equal width that holds answers.

    confidence: (N,), range [0, 1]; right: (N,). Returns rows of `low`, `high` (the bin: low < confidence <= high),
    `total`, `confidence` (mean), `accuracy`. Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows = []
    for place in np.unique(number):
        inside = number == place
        rows.append(
            {
                "low": float(place / bins),
                "high": float((place + 1) / bins),
                "total": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(right[inside].mean()),
            }
        )
    return rows


def ece(confidence: Numbers, right: Right, bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart, mean over the answers, range [0, 1].

    confidence: (N,), range [0, 1]; right: (N,). Raises ValueError if there is no answer.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", 15 bins of equal width.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure calibration, got none")
    rows = reliability(confidence, right, bins)
    return sum(row["total"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / confidence.size


def risk_coverage(confidence: Numbers, right: Right, bounds: Sequence[float] | None = None) -> list[dict[str, float]]:
    """The error among the answers accepted at a confidence, for several confidences, from most accepted to fewest.

    confidence: (N,), range [0, 1]; right: (N,); bounds: the confidences to accept from, None = those that accept
    COVERAGES of the answers. Each row: `confidence` (accepted are those that have at least it), `coverage` (share
    accepted), `error` (share of the accepted that is wrong, 0 if none is accepted), `bound` (its one-sided 95 %
    upper bound, error_bound). Raises ValueError if there is no answer.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure a risk, got none")
    order = np.argsort(-confidence, kind="stable")
    sure = confidence[order]
    wrong = np.concatenate([[0], np.cumsum(~right[order])])
    if bounds is None:
        bounds = sorted({float(sure[max(1, math.ceil(share * sure.size)) - 1]) for share in COVERAGES})
    rows = []
    for bound in sorted(bounds):
        taken = int(np.searchsorted(-sure, -bound, side="right"))
        rows.append(
            {
                "confidence": float(bound),
                "coverage": taken / sure.size,
                "error": int(wrong[taken]) / max(taken, 1),
                "bound": error_bound(int(wrong[taken]), taken),
            }
        )
    return rows


def error_at_coverage(confidence: Numbers, right: Right, coverage: float = 0.99) -> float:
    """The share of wrong answers among the surest ones that make up this share of all; ties are taken in whole.

    confidence: (N,); right: (N,). Raises ValueError if there is no answer.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure a risk, got none")
    lowest = np.sort(confidence)[::-1][max(1, math.ceil(coverage * confidence.size)) - 1]
    return float(1 - right[confidence >= lowest].mean())


def detection_at_false_alarms(scores_same: Numbers, scores_different: Numbers, rate: float = 0.01) -> float:
    """The share of the different pairs that is found when at most `rate` of the same pairs raise a false alarm.

    scores_same, scores_different: (N,), (M,), low = different: an alarm is a score below the limit.
    Raises ValueError if either is empty.
    """
    if min(scores_same.size, scores_different.size) == 0:
        raise ValueError("expected scores of same and of different pairs, one of them is empty")
    return float((scores_different < alarm_limit(scores_same, rate)).mean())


def alarm_limit(scores_same: Numbers, rate: float = 0.01) -> float:
    """The highest limit below which at most `rate` of these scores lie, infinity if all may."""
    allowed = math.floor(rate * scores_same.size + 1e-9)
    return float(np.sort(scores_same)[allowed]) if allowed < scores_same.size else math.inf
