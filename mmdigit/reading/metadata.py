"""Reads and checks the metadata of an exported model: `NAME.json` beside `NAME.onnx`.

Generation 1 states fixed confidence thresholds. Generation 2 states a temperature and a risk-coverage table for each
head instead, by digit where measured, so that the user's target error sets the thresholds. Generation 3 has both once
more for digits that were found in a picture. All are supported.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmdigit.files.regular import read_regular
from mmdigit.reading.decision import (
    HEADS,
    Head,
    OperatingPoint,
    RiskRow,
    Thresholds,
    operating_point,
    same_for_all_digits,
)
from schemas.errors import WeightsError
from schemas.prediction import Probability
from schemas.validation import validation_lines

MAX_BYTES = 16 * 1024 * 1024


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


T = TypeVar("T")
PerHead = Annotated[dict[Head, T], Field(min_length=len(HEADS))]  # all heads: no other key is allowed


class RiskTable(_Section):
    """A head's errors on held-out data, by confidence."""

    split: Annotated[str, Field(max_length=1000)]
    """The held-out data."""
    total: Annotated[int, Field(ge=1)]
    rows: Annotated[tuple[RiskRow, ...], Field(min_length=1, max_length=1000)]
    by_digit: Annotated[tuple[RiskRow, ...], Field(min_length=1, max_length=1000)] | None = None
    """Used in place of rows: in each row, the same share of every digit's answers reaches its confidence."""

    def operating_point(self, target_error: float) -> OperatingPoint:
        """From which confidences the head accepts. target_error: range (0, 1)."""
        return operating_point(self.by_digit or self.rows, target_error)


Temperature = Annotated[float, Field(ge=0.01, le=100)]


class Photographs(_Section):
    """The image head on digits that were found in a picture: it is less sure of them, and errs more often."""

    temperature: Temperature
    risk: RiskTable


class FixedThresholds(_Section):
    """Thresholds that do not depend on the target error; those of confidence in generation 1 only."""

    agreement: Probability
    image_novelty: Probability
    audio_novelty: Probability
    image_confidence: Probability | None = None
    audio_confidence: Probability | None = None
    fused_confidence: Probability | None = None


class HeadAccuracy(_Section):
    """The accuracy of one head on held-out data."""

    accuracy: Probability


class ReviewShares(_Section):
    """The shares of held-out jobs that went to review, and that went there for a conflict."""

    review: Probability
    conflict: Probability


class Reviews(_Section):
    """The review shares at one target error, by what a job carries."""

    target_error: Annotated[float, Field(gt=0, lt=1)]
    image: ReviewShares
    audio: ReviewShares
    both: ReviewShares


class Validation(_Section):
    """The model's results on held-out data."""

    image: HeadAccuracy
    audio: HeadAccuracy
    fused: HeadAccuracy
    reviews: Reviews | None = None
    """None in generation 1."""


Modalities = Literal["image", "audio", "both"]
"""What a job carries."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What live answers should look like, range [0, 1]. None: not evaluated at this target error."""

    confidence: float
    """The mean; stated is the accuracy on held-out data, from which it differs by at most the calibration error."""
    conflict_share: float
    review_share: float | None

    def measures(self) -> dict[str, float]:
        """The values that are known, by name."""
        named = {name: getattr(self, name) for name in ("confidence", "conflict_share", "review_share")}
        return {name: value for name, value in named.items() if value is not None}


class Metadata(_Section):
    """The metadata that prediction needs; `mmdigit export` writes more."""

    model_version: Annotated[str, Field(min_length=1, max_length=64)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    thresholds: FixedThresholds
    temperature: PerHead[Temperature] = dict.fromkeys(HEADS, 1.0)
    """Probabilities are softmax(logits / temperature)."""
    risk: PerHead[RiskTable] | None = None
    photographs: Photographs | None = None
    """Used in place of the image head's where a digit was found in a picture; None: the same for all."""
    validation: Validation | None = None

    @model_validator(mode="after")
    def _states_confidences(self) -> Self:
        if self.risk is None and None in [getattr(self.thresholds, f"{head}_confidence") for head in HEADS]:
            raise ValueError("expected risk, or image_, audio_ and fused_confidence in thresholds, got neither")
        return self

    def operating_points(self, target_error: float) -> dict[Head, OperatingPoint]:
        """From which confidences each head accepts. target_error: range (0, 1); no effect without risk tables."""
        if self.risk is not None:
            return {head: self.risk[head].operating_point(target_error) for head in HEADS}
        fixed = {head: getattr(self.thresholds, f"{head}_confidence") for head in HEADS}
        return {head: OperatingPoint(same_for_all_digits(fixed[head]), None, False) for head in HEADS}

    def baseline(self, target_error: float) -> dict[Modalities, Baseline]:
        """What held-out answers looked like, by what a job carries; empty if the file does not say."""
        if self.validation is None or self.validation.reviews is None:
            return {}
        reviews = self.validation.reviews
        evaluated = target_error == reviews.target_error
        kinds: tuple[tuple[Modalities, HeadAccuracy, ReviewShares], ...] = (
            ("image", self.validation.image, reviews.image),
            ("audio", self.validation.audio, reviews.audio),
            ("both", self.validation.fused, reviews.both),
        )
        return {
            modalities: Baseline(head.accuracy, shares.conflict, shares.review if evaluated else None)
            for modalities, head, shares in kinds
        }

    def photograph_point(self, target_error: float) -> OperatingPoint | None:
        """From which confidences the image head accepts digits found in a picture; None: from those of all images."""
        return None if self.photographs is None else self.photographs.risk.operating_point(target_error)

    def resolved_thresholds(self, target_error: float) -> Thresholds:
        """All six thresholds, with the confidences for this target error."""
        confidence = {
            f"{head}_confidence": point.confidences for head, point in self.operating_points(target_error).items()
        }
        fixed = self.thresholds
        return Thresholds(
            **confidence,
            agreement=fixed.agreement,
            image_novelty=fixed.image_novelty,
            audio_novelty=fixed.audio_novelty,
        )


def read_metadata(path: Path) -> Metadata:
    """Raises WeightsError if the file is missing, damaged, or does not describe a model."""
    try:
        return Metadata.model_validate_json(read_regular(path, MAX_BYTES), strict=True)
    except OSError as exc:
        raise WeightsError(
            f"expected the model's metadata at {path}, got an error ({exc.strerror}); restore the file"
        ) from exc
    except ValidationError as exc:
        raise WeightsError(
            f"expected the model's metadata in {path}, got others ({validation_lines(exc)}); restore the file"
        ) from exc
