"""What stands beside an exported model, `NAME.json` beside `NAME.onnx`: read and checked.

Generation 1 states fixed thresholds of confidence. Generation 2 states each head's temperature and risk-coverage
table instead, by digit where that was measured, so that the user's target error chooses the thresholds. All are read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmdigit.files.regular import read_regular
from mmdigit.reading.decision import HEADS, Head, OperatingPoint, RiskRow, Thresholds, for_every_digit, operating_point
from schemas.errors import WeightsError
from schemas.prediction import Probability
from schemas.validation import validation_lines

MAX_BYTES = 16 * 1024 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


T = TypeVar("T")
PerHead = Annotated[dict[Head, T], Field(min_length=len(HEADS))]  # and so all of them: no other key is allowed


class RiskTable(_Part):
    """A head's errors on held-out data, by confidence."""

    split: Annotated[str, Field(max_length=1000)]
    """Which data."""
    total: Annotated[int, Field(ge=1)]
    rows: Annotated[tuple[RiskRow, ...], Field(min_length=1, max_length=1000)]
    by_digit: Annotated[tuple[RiskRow, ...], Field(min_length=1, max_length=1000)] | None = None
    """Used in place of rows: each asks of every digit what as large a share of its answers reaches."""

    def operating_point(self, target_error: float) -> OperatingPoint:
        """Where the head starts to accept. target_error: range (0, 1)."""
        return operating_point(self.by_digit or self.rows, target_error)


class FixedThresholds(_Part):
    """Those that follow from no target error; those of confidence in generation 1 alone."""

    agreement: Probability
    image_novelty: Probability
    audio_novelty: Probability
    image_confidence: Probability | None = None
    audio_confidence: Probability | None = None
    fused_confidence: Probability | None = None


class HeldOut(_Part):
    """One head's answers to held-out data."""

    accuracy: Probability


class ReviewShares(_Part):
    """Of held-out jobs of one kind: what went to review."""

    review: Probability
    conflict: Probability


class Reviews(_Part):
    """What went to review at that target error."""

    target_error: Annotated[float, Field(gt=0, lt=1)]
    image: ReviewShares
    audio: ReviewShares
    both: ReviewShares


class Validation(_Part):
    """How the model did on held-out data."""

    image: HeldOut
    audio: HeldOut
    fused: HeldOut
    reviews: Reviews | None = None
    """None in generation 1."""


Input = Literal["image", "audio", "both"]
"""What a job holds."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What answers should look like, each in the range [0, 1]. None: not evaluated at this target error."""

    confidence: float
    """On average: the accuracy on held-out data. The mean confidence misses it by the ECE at most."""
    conflict_share: float
    review_share: float | None

    def measures(self) -> dict[str, float]:
        """Those that are known, by name."""
        named = {name: getattr(self, name) for name in ("confidence", "conflict_share", "review_share")}
        return {name: value for name, value in named.items() if value is not None}


class Metadata(_Part):
    """The part of the metadata that predicting needs; `mmdigit export` writes more."""

    model_version: Annotated[str, Field(min_length=1, max_length=64)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    thresholds: FixedThresholds
    temperature: PerHead[Annotated[float, Field(ge=0.01, le=100)]] = dict.fromkeys(HEADS, 1.0)
    """Probabilities are softmax(logits / temperature)."""
    risk: PerHead[RiskTable] | None = None
    validation: Validation | None = None

    @model_validator(mode="after")
    def _confidence_from_somewhere(self) -> Self:
        if self.risk is None and None in [getattr(self.thresholds, f"{head}_confidence") for head in HEADS]:
            raise ValueError("neither risk nor all of thresholds' image_, audio_ and fused_confidence are there")
        return self

    def operating_points(self, target_error: float) -> dict[Head, OperatingPoint]:
        """Where each head starts to accept. target_error: range (0, 1); without tables it changes nothing."""
        if self.risk is not None:
            return {head: self.risk[head].operating_point(target_error) for head in HEADS}
        fixed = {head: getattr(self.thresholds, f"{head}_confidence") for head in HEADS}
        return {head: OperatingPoint(for_every_digit(fixed[head]), None, False) for head in HEADS}

    def baseline(self, target_error: float) -> dict[Input, Baseline]:
        """What held-out answers looked like, by what a job holds; empty where the file does not say."""
        if self.validation is None or self.validation.reviews is None:
            return {}
        reviews = self.validation.reviews
        evaluated = target_error == reviews.target_error
        kinds: tuple[tuple[Input, HeldOut, ReviewShares], ...] = (
            ("image", self.validation.image, reviews.image),
            ("audio", self.validation.audio, reviews.audio),
            ("both", self.validation.fused, reviews.both),
        )
        return {
            held: Baseline(head.accuracy, shares.conflict, shares.review if evaluated else None)
            for held, head, shares in kinds
        }

    def resolved_thresholds(self, target_error: float) -> Thresholds:
        """All six thresholds, those of confidence for this target error."""
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
            f"expected a description of the model at {path}, it cannot be read ({exc.strerror}); restore it"
        ) from exc
    except ValidationError as exc:
        raise WeightsError(
            f"expected {path} to describe the model ({validation_lines(exc)}); restore the file"
        ) from exc
