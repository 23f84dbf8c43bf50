"""Accept or review: pure functions of what the heads say, of the target error, and of what held-out data showed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.prediction import Decision, Probability, Reason

Probabilities = NDArray[np.float64]
Head = Literal["image", "audio", "fused"]
HEADS: Final[tuple[Head, ...]] = get_args(Head)

N_DIGITS: Final = 10
Confidences = Annotated[tuple[Probability, ...], Field(min_length=N_DIGITS, max_length=N_DIGITS)]
"""From which an answer is accepted, one for each digit that it may be."""

TargetError = Annotated[
    float,
    Field(gt=0, lt=1, description="share of the accepted digits that may be wrong; less sure ones go to review"),
]
DEFAULT_TARGET_ERROR = 0.001


@dataclass(frozen=True)
class Thresholds:
    """When an answer is sent to review. All are probabilities, range [0, 1]. Those of confidence follow from the
    target error, the others stand in the weights' metadata, chosen on the validation split by `mmdigit export`."""

    image_confidence: Confidences
    """Review an answer below that of its label, when only the image is there."""
    audio_confidence: Confidences
    """The same, when only the audio is there."""
    fused_confidence: Confidences
    """The same, when both are there."""
    agreement: Probability
    """Review below this chance that image and audio mean the same digit, if their labels differ."""
    image_novelty: Probability
    """Review above this."""
    audio_novelty: Probability
    """Review above this."""


@dataclass(frozen=True)
class RiskRow:
    """What held-out data showed of the answers whose confidence is at least this one. All range [0, 1]."""

    confidence: Probability | Confidences
    """One for all digits, or one for each."""
    coverage: Probability
    """Share of all answers."""
    error: Probability
    """Share of them that is wrong."""
    bound: Probability
    """One-sided 95 % upper bound of that share."""

    @property
    def confidences(self) -> Confidences:
        """(10,)."""
        return self.confidence if isinstance(self.confidence, tuple) else for_every_digit(self.confidence)


@dataclass(frozen=True)
class OperatingPoint:
    """The confidences from which a head's answers are accepted, and what is known of their error."""

    confidences: Confidences
    bound: float | None
    """What held-out data show that the error is at most (95 %); None if the model file says nothing of it."""
    shown: bool
    """Whether that meets the target error."""

    def described(self) -> str:
        """The confidence from which answers are accepted; the least and the greatest where digits differ."""
        least, greatest = min(self.confidences), max(self.confidences)
        return f"{least:g}" if least == greatest else f"{least:g}-{greatest:g}, by digit"


def for_every_digit(confidence: float) -> Confidences:
    """The same for all ten."""
    return (confidence,) * N_DIGITS


def operating_point(rows: Sequence[RiskRow], target_error: float) -> OperatingPoint:
    """The row that accepts most among those whose bound meets the target. A stricter target never accepts more.

    If the data show the target nowhere, the calibrated confidences have to promise it: on average no more than
    target_error of the accepted may be wrong by them, and the row must be no laxer than the one of the lowest bound.
    rows: a head's risk-coverage table, at least one, in any order; of any two, one asks for no less of every digit.
    """
    rows = sorted(rows, key=_strictness)
    meeting = [row for row in rows if row.bound <= target_error]
    if meeting:
        chosen = meeting[0]
    else:
        promising = [row for row, error in zip(rows, _promised(rows), strict=True) if error <= target_error + 1e-9]
        safest = min(rows, key=lambda row: row.bound)
        chosen = max(promising[0] if promising else rows[-1], safest, key=_strictness)
    return OperatingPoint(chosen.confidences, chosen.bound, bool(meeting))


def _strictness(row: RiskRow) -> float:
    return sum(row.confidences)


def _promised(rows: Sequence[RiskRow]) -> list[float]:
    """At most so many of a row's accepted answers are wrong if their confidences are right: 1 - confidence on average.

    rows: the laxest first. Answers between two rows count as no surer than the laxer one asks for.
    """
    found: list[float] = []
    wrong = accepted = highest = 0.0
    for row in reversed(rows):
        doubt = 1 - _strictness(row) / N_DIGITS
        wrong += doubt * max(row.coverage - accepted, 0.0)
        accepted = max(row.coverage, accepted)
        highest = max(highest, wrong / accepted if accepted else doubt)
        found.append(highest)
    return found[::-1]


def decide(
    image: Probabilities | None,
    audio: Probabilities | None,
    fused: Probabilities | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    thresholds: Thresholds,
    found: Sequence[Reason] = (),
) -> tuple[Decision, tuple[Reason, ...]]:
    """Accept or review, with every reason that applies.

    image, audio, fused: (10,), sum 1; None for a modality that is missing (fused: when either is). The novelties:
    range [0, 1], None for a modality that is missing. found: reasons that the picture itself shows.
    Raises ValueError if both modalities are missing.
    """
    reasons: list[Reason] = []
    if fused is not None and image is not None and audio is not None:
        sure = _is_sure(fused, thresholds.fused_confidence)
        differ = int(image.argmax()) != int(audio.argmax())
        if differ and agreement(image, audio) < thresholds.agreement:
            reasons.append("conflict")
    elif image is not None:
        sure = _is_sure(image, thresholds.image_confidence)
    elif audio is not None:
        sure = _is_sure(audio, thresholds.audio_confidence)
    else:
        raise ValueError("expected the answer of at least one head, got none")
    if not sure:
        reasons.insert(0, "low_confidence")
    if (image_novelty is not None and image_novelty > thresholds.image_novelty) or (
        audio_novelty is not None and audio_novelty > thresholds.audio_novelty
    ):
        reasons.append("not_a_digit")
    reasons.extend(found)
    return ("review", tuple(reasons)) if reasons else ("accept", ())


def _is_sure(probabilities: Probabilities, confidences: Confidences) -> bool:
    label = int(probabilities.argmax())
    return float(probabilities[label]) >= confidences[label]


def agreement(image: Probabilities, audio: Probabilities) -> float:
    """The chance that both mean the same digit if each is right about itself, range [0, 1].

    image, audio: (10,), sum 1.
    """
    return float(image @ audio)


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Probabilities:
    """(B, 10) to (B, 10), each row's sum 1. In 64 bits, so that a confidence never leaves [0, 1] by rounding.

    temperature: above 0; larger is less sure, and no label ever changes.
    """
    powers = np.exp((logits.astype(np.float64) - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def sigmoid(logits: NDArray[Any]) -> Probabilities:
    """(B,) to (B,), range [0, 1], in 64 bits as softmax."""
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64).clip(-60, 60))), np.float64)
