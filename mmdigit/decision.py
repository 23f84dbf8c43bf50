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

TargetError = Annotated[
    float,
    Field(gt=0, lt=1, description="share of the accepted digits that may be wrong; less sure ones go to review"),
]
DEFAULT_TARGET_ERROR = 0.001


@dataclass(frozen=True)
class Thresholds:
    """When an answer is sent to review. All are probabilities, range [0, 1]. Those of confidence follow from the
    target error, the others stand in the weights' metadata, chosen on the validation split by `mmdigit export`."""

    image_confidence: Probability
    """Review below this, when only the image is there."""
    audio_confidence: Probability
    """Review below this, when only the audio is there."""
    fused_confidence: Probability
    """Review below this, when both are there."""
    agreement: Probability
    """Review below this chance that image and audio mean the same digit, if their labels differ."""
    image_novelty: Probability
    """Review above this."""
    audio_novelty: Probability
    """Review above this."""


@dataclass(frozen=True)
class RiskRow:
    """What held-out data showed of the answers whose confidence is at least this one. All range [0, 1]."""

    confidence: Probability
    coverage: Probability
    """Share of all answers."""
    error: Probability
    """Share of them that is wrong."""
    bound: Probability
    """One-sided 95 % upper bound of that share."""


@dataclass(frozen=True)
class OperatingPoint:
    """The confidence from which a head's answers are accepted, and what is known of their error."""

    confidence: float
    bound: float | None
    """What held-out data show that the error is at most (95 %); None if the model file says nothing of it."""
    shown: bool
    """Whether that meets the target error."""


def operating_point(rows: Sequence[RiskRow], target_error: float) -> OperatingPoint:
    """The lowest confidence whose bound meets the target. A stricter target never gives a lower confidence.

    If the data show the target nowhere, the calibrated confidence itself has to promise it: 1 - target_error or more
    as far as the table goes, and no less than that of the lowest bound. rows: a head's risk-coverage table, at least
    one, in any order.
    """
    meeting = [row for row in rows if row.bound <= target_error]
    if meeting:
        chosen = min(meeting, key=lambda row: row.confidence)
    else:
        safest = min(rows, key=lambda row: (row.bound, row.confidence))
        strictest = max(rows, key=lambda row: row.confidence)
        promising = [row for row in rows if row.confidence >= 1 - target_error - 1e-9]
        promised = min(promising, key=lambda row: row.confidence, default=strictest)
        chosen = max(safest, promised, key=lambda row: row.confidence)
    return OperatingPoint(chosen.confidence, chosen.bound, bool(meeting))


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
        sure = float(fused.max()) >= thresholds.fused_confidence
        differ = int(image.argmax()) != int(audio.argmax())
        if differ and agreement(image, audio) < thresholds.agreement:
            reasons.append("conflict")
    elif image is not None:
        sure = float(image.max()) >= thresholds.image_confidence
    elif audio is not None:
        sure = float(audio.max()) >= thresholds.audio_confidence
    else:
        raise ValueError("expected the answer of at least one head, none came")
    if not sure:
        reasons.insert(0, "low_confidence")
    if (image_novelty is not None and image_novelty > thresholds.image_novelty) or (
        audio_novelty is not None and audio_novelty > thresholds.audio_novelty
    ):
        reasons.append("not_a_digit")
    reasons.extend(found)
    return ("review", tuple(reasons)) if reasons else ("accept", ())


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
