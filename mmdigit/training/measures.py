"""Evaluation statistics: accuracy intervals, calibration, risk against coverage, detection. Needs only NumPy."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdigit.reading.error_bounds import error_bound

BOOTSTRAPS = 1000
SEED = 20_261_123
Z_95 = 1.959964  # 95 % of the standard normal distribution lie within

# The coverages at which a risk-coverage table states the error, unless confidences are given.
COVERAGES = (1.0, 0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)

Correct = NDArray[np.bool_]
Numbers = NDArray[np.float64]


def wilson(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, range [0, 1]. Raises ValueError if total is 0. Source: Wilson 1927."""
    if total <= 0:
        raise ValueError("expected at least one answer to measure a share, got none")
    share = correct / total
    middle = share + Z_95**2 / (2 * total)
    spread = Z_95 * math.sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2))
    scale = 1 + Z_95**2 / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def two_way_bootstrap(
    correct: Sequence[NDArray[Any]], seed: int = SEED, draws: int = BOOTSTRAPS
) -> tuple[float, float]:
    """95 % interval of the accuracy over pairs, resampling both images and clips.

    correct: one (n_images, n_clips) table per label: whether each pair was read correctly; or the difference of two
    such tables, range [-1, 1], for the interval of a gain.
    Raises ValueError if there is no pair. Source: Owen 2007, "The pigeonhole bootstrap".
    """
    pairs = sum(table.size for table in correct)
    if pairs == 0:
        raise ValueError("expected at least one pair to measure a share, got none")
    random = np.random.default_rng(seed)
    hits = np.zeros(draws)
    for table in correct:
        n_images, n_clips = table.shape
        if table.size:
            images, clips = _resampled_counts(n_images, draws, random), _resampled_counts(n_clips, draws, random)
            hits += ((images @ table.astype(np.float32)) * clips).sum(axis=1, dtype=np.float64)
    return _percentile_interval(hits / pairs)


def clustered_bootstrap(
    correct: NDArray[Any], clusters: NDArray[Any], seed: int = SEED, draws: int = BOOTSTRAPS
) -> tuple[float, float]:
    """95 % interval of the accuracy, resampling whole clusters (writers, speakers) with all their answers.

    correct: (N,), whether each answer was correct, or a mean of that; clusters: (N,), the cluster of each answer.
    Raises ValueError if there is no answer. Source: Davison and Hinkley 1997, "Bootstrap Methods", section 3.8.
    """
    if correct.size == 0:
        raise ValueError("expected at least one answer to measure a share, got none")
    names, members = np.unique(clusters, return_inverse=True)
    hits = np.bincount(members, weights=correct.astype(np.float64))
    totals = np.bincount(members).astype(np.float64)
    drawn = _resampled_counts(names.size, draws, np.random.default_rng(seed)).astype(np.float64)
    return _percentile_interval((drawn @ hits) / (drawn @ totals))


def _resampled_counts(count: int, draws: int, random: np.random.Generator) -> NDArray[np.float32]:
    """How often each of `count` items is drawn in `count` draws with replacement: (draws, count), rows sum to count."""
    chosen = random.integers(0, count, (draws, count)) + np.arange(draws)[:, None] * count
    return np.bincount(chosen.ravel(), minlength=draws * count).reshape(draws, count).astype(np.float32)


def _percentile_interval(shares: Numbers) -> tuple[float, float]:
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def auroc(known: Numbers, novel: Numbers) -> float:
    """The probability that a novel sample scores higher than a known one, ties counting half."""
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
    """(M,): the share of known scores below each novel one, ties counting half."""
    order = np.sort(known)
    below, through = np.searchsorted(order, novel, side="left"), np.searchsorted(order, novel, side="right")
    return np.asarray((below + through) / 2 / known.size, np.float64)


def reliability(confidence: Numbers, correct: Correct, bins: int = 15) -> list[dict[str, float]]:
    """The rows of a reliability diagram, one for each bin of equal width that holds answers.

    confidence: (N,), range [0, 1]; correct: (N,). Returns rows of `low`, `high` (the bin: low < confidence <= high),
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
                "accuracy": float(correct[inside].mean()),
            }
        )
    return rows


def ece(confidence: Numbers, correct: Correct, bins: int = 15) -> float:
    """Expected calibration error: the mean distance of confidence and accuracy over the answers, range [0, 1].

    confidence: (N,), range [0, 1]; correct: (N,). Raises ValueError if there is no answer.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", 15 bins of equal width.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure calibration, got none")
    rows = reliability(confidence, correct, bins)
    return sum(row["total"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / confidence.size


def risk_coverage(
    confidence: Numbers, correct: Correct, bounds: Sequence[float] | None = None
) -> list[dict[str, float]]:
    """The error among accepted answers at several minimum confidences, from the highest coverage to the lowest.

    confidence: (N,), range [0, 1]; correct: (N,); bounds: the minimum confidences, None = those that accept COVERAGES
    of the answers. Each row: `confidence` (the minimum), `coverage` (share accepted), `error` (share of the accepted
    that is wrong, 0 if none is accepted), `bound` (its one-sided 95 % upper bound, error_bound). Raises ValueError if
    there is no answer.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure a risk, got none")
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    wrong = np.concatenate([[0], np.cumsum(~correct[order])])
    if bounds is None:
        bounds = sorted({float(descending[max(1, math.ceil(share * order.size)) - 1]) for share in COVERAGES})
    rows = []
    for bound in sorted(bounds):
        accepted = int(np.searchsorted(-descending, -bound, side="right"))
        rows.append(
            {
                "confidence": float(bound),
                "coverage": accepted / order.size,
                "error": int(wrong[accepted]) / max(accepted, 1),
                "bound": error_bound(int(wrong[accepted]), accepted),
            }
        )
    return rows


def error_at_coverage(confidence: Numbers, correct: Correct, coverage: float = 0.99) -> float:
    """The error among the most confident answers that make up this share of all; includes all ties.

    confidence: (N,); correct: (N,). Raises ValueError if there is no answer.
    """
    if confidence.size == 0:
        raise ValueError("expected at least one answer to measure a risk, got none")
    lowest = np.sort(confidence)[::-1][max(1, math.ceil(coverage * confidence.size)) - 1]
    return float(1 - correct[confidence >= lowest].mean())


def detection_at_false_alarms(scores_same: Numbers, scores_different: Numbers, rate: float = 0.01) -> float:
    """The share of pairs of different digits that is detected at a false alarm rate of at most `rate`.

    scores_same, scores_different: (N,), (M,), of pairs of the same and of different digits; an alarm is a score below
    the limit. Raises ValueError if either is empty.
    """
    if min(scores_same.size, scores_different.size) == 0:
        raise ValueError(
            f"expected scores of same and of different pairs, got {scores_same.size} and {scores_different.size}"
        )
    return float((scores_different < alarm_limit(scores_same, rate)).mean())


def alarm_limit(scores_same: Numbers, rate: float = 0.01) -> float:
    """The highest limit with at most `rate` of these scores below it; infinity if that may be all."""
    allowed = math.floor(rate * scores_same.size + 1e-9)
    return float(np.sort(scores_same)[allowed]) if allowed < scores_same.size else math.inf
