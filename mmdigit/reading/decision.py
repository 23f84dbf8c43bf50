"""Decides to accept or review: pure functions of the heads' probabilities, the target error and held-out results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.prediction import Decision, Probability, Reason

Probabilities = NDArray[np.float64]
Head = Literal["image", "audio", "fused"]
HEADS: Final[tuple[Head, ...]] = get_args(Head)

N_DIGITS: Final = 10
Confidences = Annotated[tuple[Probability, ...], Field(min_length=N_DIGITS, max_length=N_DIGITS)]
"""The confidence from which an answer is accepted, for each digit."""

TargetError = Annotated[
    float,
    Field(gt=0, lt=1, description="share of the accepted digits that may be wrong; less certain ones go to review"),
]
DEFAULT_TARGET_ERROR = 0.001


@dataclass(frozen=True)
class Thresholds:
    """When an answer goes to review, range [0, 1]. The confidences follow from the target error; the other three come
    from the model's metadata, where `mmdigit export` writes what it chose on held-out data."""

    image_confidence: Confidences
    """A job with an image only: review below the confidence of its label."""
    audio_confidence: Confidences
    """The same for a job with audio only."""
    fused_confidence: Confidences
    """The same for a job with both."""
    agreement: Probability
    """If the labels of image and audio differ: review below this probability that both mean the same digit."""
    image_novelty: Probability
    """Review above this."""
    audio_novelty: Probability
    """Review above this."""


@dataclass(frozen=True)
class RiskRow:
    """The held-out answers of at least this confidence. All values range [0, 1]."""

    confidence: Probability | Confidences
    """One for all digits, or one for each."""
    coverage: Probability
    """Their share of all answers."""
    error: Probability
    """The share of them that is wrong."""
    bound: Probability
    """One-sided 95 % upper bound of the error."""

    @property
    def confidences(self) -> Confidences:
        """The confidence for each digit."""
        return self.confidence if isinstance(self.confidence, tuple) else same_for_all_digits(self.confidence)


@dataclass(frozen=True)
class OperatingPoint:
    """From which confidences a head's answers are accepted, and what is known of their error."""

    confidences: Confidences
    bound: float | None
    """Upper bound (95 %) of the error on held-out data; None if the model's metadata do not state one."""
    meets_target: bool
    """Whether the bound is within the target error."""

    def describe(self) -> str:
        """The confidence from which answers are accepted; minimum and maximum where digits differ."""
        lowest, highest = min(self.confidences), max(self.confidences)
        return f"{lowest:g}" if lowest == highest else f"{lowest:g}-{highest:g}, by digit"


def same_for_all_digits(confidence: float) -> Confidences:
    """One confidence for all ten digits."""
    return (confidence,) * N_DIGITS


def operating_point(rows: Sequence[RiskRow], target_error: float) -> OperatingPoint:
    """The row with the highest coverage whose bound meets the target. A stricter target never accepts more.

    If no bound meets the target, the calibrated confidences decide: they must predict that at most target_error of
    the accepted answers are wrong, and the row must be no looser than the one with the lowest bound.
    rows: a head's risk-coverage table, at least one row, in any order; for any two rows, one is at least as strict
    for every digit.
    """
    rows = sorted(rows, key=_strictness)
    meeting = [row for row in rows if row.bound <= target_error]
    if meeting:
        chosen = meeting[0]
    else:
        predicted = zip(rows, _predicted_errors(rows), strict=True)
        loosest = next((row for row, error in predicted if error <= target_error + 1e-9), rows[-1])
        safest = min(rows, key=lambda row: row.bound)
        chosen = max(loosest, safest, key=_strictness)
    return OperatingPoint(chosen.confidences, chosen.bound, bool(meeting))


def _strictness(row: RiskRow) -> float:
    return sum(row.confidences)


def _predicted_errors(rows: Sequence[RiskRow]) -> list[float]:
    """For each row, the error that calibrated confidences predict at most: 1 - confidence, averaged over the accepted.

    rows: the loosest first. An answer between two rows counts with the confidence of the looser one.
    """
    errors: list[float] = []
    wrong = accepted = highest = 0.0
    for row in reversed(rows):
        doubt = 1 - _strictness(row) / N_DIGITS
        wrong += doubt * max(row.coverage - accepted, 0.0)
        accepted = max(row.coverage, accepted)
        highest = max(highest, wrong / accepted if accepted else doubt)
        errors.append(highest)
    return errors[::-1]


class HeadResult(NamedTuple):
    """What one head says of one job. probabilities: of each digit, sum 1; confidence: that of the label."""

    label: int
    confidence: float
    probabilities: tuple[float, ...]


def head_results(probabilities: Probabilities) -> list[HeadResult]:
    """A head's result for each job. probabilities: (B, 10), each row's sum 1."""
    labels, rows = probabilities.argmax(axis=1).tolist(), probabilities.tolist()
    return [HeadResult(label, row[label], tuple(row)) for label, row in zip(labels, rows, strict=True)]


def decide(
    image: Probabilities | None,
    audio: Probabilities | None,
    fused: Probabilities | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    thresholds: Thresholds,
    image_reasons: Sequence[Reason] = (),
) -> tuple[Decision, tuple[Reason, ...]]:
    """As decide_results, from probabilities: (10,), sum 1; None if the modality is missing (fused: if either is)."""
    image_result, audio_result, fused_result = [
        None if probabilities is None else head_results(probabilities[None])[0]
        for probabilities in (image, audio, fused)
    ]
    return decide_results(
        image_result, audio_result, fused_result, image_novelty, audio_novelty, thresholds, image_reasons
    )


def decide_results(
    image: HeadResult | None,
    audio: HeadResult | None,
    fused: HeadResult | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    thresholds: Thresholds,
    image_reasons: Sequence[Reason] = (),
) -> tuple[Decision, tuple[Reason, ...]]:
    """Accept or review, with every reason that applies.

    image, audio, fused: None if the modality is missing (fused: if either is). image_novelty, audio_novelty: range
    [0, 1]; None if the modality is missing. image_reasons: those that the image itself shows.
    Raises ValueError if both modalities are missing.
    """
    reasons: list[Reason] = []
    if fused is not None and image is not None and audio is not None:
        confident = fused.confidence >= thresholds.fused_confidence[fused.label]
        if image.label != audio.label:
            both_mean_it = agreement(np.array(image.probabilities), np.array(audio.probabilities))
            if both_mean_it < thresholds.agreement:
                reasons.append("conflict")
    elif image is not None:
        confident = image.confidence >= thresholds.image_confidence[image.label]
    elif audio is not None:
        confident = audio.confidence >= thresholds.audio_confidence[audio.label]
    else:
        raise ValueError("expected the probabilities of at least one head, got none")
    if not confident:
        reasons.insert(0, "low_confidence")
    if (image_novelty is not None and image_novelty > thresholds.image_novelty) or (
        audio_novelty is not None and audio_novelty > thresholds.audio_novelty
    ):
        reasons.append("not_a_digit")
    reasons.extend(image_reasons)
    return ("review", tuple(reasons)) if reasons else ("accept", ())


def agreement(image: Probabilities, audio: Probabilities) -> float:
    """The probability that both mean the same digit, taking them as independent and calibrated, range [0, 1].

    image, audio: (10,), sum 1.
    """
    return float(image @ audio)


def softmax(logits: NDArray[Any], temperature: float | NDArray[np.float64] = 1.0) -> Probabilities:
    """(..., 10) to (..., 10), each row's sum 1. In 64 bits, so that rounding never takes a confidence out of [0, 1].

    temperature: above 0, one for all or (..., 1); a higher one lowers the confidence and never changes the label.
    """
    powers = np.exp((logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float64)


def sigmoid(logits: NDArray[Any]) -> Probabilities:
    """(B,) to (B,), range [0, 1], in 64 bits like softmax."""
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64).clip(-60, 60))), np.float64)
