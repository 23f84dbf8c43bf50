"""Accept or review: a pure function of what the heads say and of thresholds chosen on the validation split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.prediction import Decision, Reason

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """When an answer is sent to review. All are probabilities, range [0, 1]; the shipped ones are in the weights'
    metadata, chosen on the validation split by `mmdigit export`."""

    image_confidence: float
    """Review below this, when only the image is there."""
    audio_confidence: float
    """Review below this, when only the audio is there."""
    fused_confidence: float
    """Review below this, when both are there."""
    agreement: float
    """Review below this chance that image and audio mean the same digit, if their labels differ."""
    image_novelty: float
    """Review above this."""
    audio_novelty: float
    """Review above this."""


def decide(
    image: Probabilities | None,
    audio: Probabilities | None,
    fused: Probabilities | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    thresholds: Thresholds,
) -> tuple[Decision, tuple[Reason, ...]]:
    """Accept or review, with every reason that applies.

    image, audio, fused: (10,), sum 1; None for a modality that is missing (fused: when either is). The novelties:
    range [0, 1], None for a modality that is missing. Raises ValueError if both modalities are missing.
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
    return ("review", tuple(reasons)) if reasons else ("accept", ())


def agreement(image: Probabilities, audio: Probabilities) -> float:
    """The chance that both mean the same digit if each is right about itself, range [0, 1].

    image, audio: (10,), sum 1.
    """
    return float(image @ audio)
