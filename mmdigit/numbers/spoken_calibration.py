"""The constants of spoken numbers, which depend on the model: spoken_calibration.json, measured on validation speakers.

`python -m lab.benchmarks.strings.calibrating --data DIR` measures them anew after a change of the weights.
"""

from functools import cache
from math import exp, log1p
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from mmdigit.numbers.spoken import SpanScoring
from schemas.prediction import Probability

FILE = Path(__file__).parent / "spoken_calibration.json"


class Confidence(BaseModel):
    """The chance that a number is right: the logistic function of its margin, of how well its digits fit, and of the
    margin of its count. Margins are differences of scores; they enter by log(1 + margin)."""

    model_config = ConfigDict(frozen=True)

    intercept: float
    margin: Annotated[float, Field(ge=0)]
    fit: Annotated[float, Field(ge=0)]
    count_margin: Annotated[float, Field(ge=0)]

    def of(self, margin: float, fit: float, count_margin: float) -> float:
        """margin: of the likeliest number before the next one of as many digits; fit: the score of a digit on average;
        count_margin: of the likeliest number before the next one of another count, may be negative."""
        count_term = log1p(count_margin) if count_margin >= 0 else count_margin
        logit = self.intercept + self.margin * log1p(margin) + self.fit * fit + self.count_margin * count_term
        return 1 / (1 + exp(-min(max(logit, -60.0), 60.0)))


class SpokenCalibration(BaseModel):
    """model_version, listener_sha256: of the weights that it was measured with; others may need other constants."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_version: str
    listener_sha256: str
    scoring: SpanScoring
    temperature: Annotated[float, Field(gt=0)]
    """Of the scores, for the confidence of a single digit."""
    count_slack: Annotated[float, Field(ge=0)]
    """How much better another count than the expected one may fit."""
    least_digit: float
    """The lowest log-chance of being a digit, on average over a number, at which anything was heard."""
    most_left_out_s: Annotated[float, Field(ge=0)]
    """The longest loud speech outside of the digits that is not worth a word."""
    sure: Probability
    """The confidence from which a number may be accepted once it is confirmed by check digit or read-back."""
    known: Confidence
    """Where the count is given."""
    unknown: Confidence

    @classmethod
    def read(cls, path: Path = FILE) -> Self:
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


@cache
def shipped() -> SpokenCalibration:
    """Of the shipped model."""
    return SpokenCalibration.read()
