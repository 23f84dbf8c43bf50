"""What was heard in a recording of a spoken number: its digits, how sure they are, and why it needs confirming."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

HeardReason = Literal["not_confirmed", "silence", "no_digit", "wrong_count", "low_confidence", "other_speech"]

NOT_CONFIRMED: HeardReason = "not_confirmed"


@dataclass(frozen=True)
class HeardDigit:
    """A digit of a number. start_s, end_s: where it lies in the recording; confidence, runner_up_confidence: of being
    the digit at this place, range [0, 1]."""

    label: int
    confidence: float
    runner_up: int
    runner_up_confidence: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class CutNumber:
    """A recording cut into written digits. digits: one for each place, or, unless it fits, those that are heard.
    fits: as many digits are said as are written."""

    digits: tuple[HeardDigit, ...]
    fits: bool


@dataclass(frozen=True)
class HeardNumber:
    """A spoken number. Its decision is always review: sound alone is never accepted.

    digits: as many as expected where that is possible, otherwise as many as were heard; confidence: that all of them
    are right, range [0, 1]; count_heard: the likeliest number of digits, whatever was expected; expected: None = any.
    reasons: codes, at least one; messages: the same in words.
    """

    digits: tuple[HeardDigit, ...]
    confidence: float
    count_heard: int
    expected: int | None
    duration_s: float
    reasons: tuple[HeardReason, ...]
    messages: tuple[str, ...]
    model_version: str
    decision: Literal["review"] = "review"

    @property
    def value(self) -> str:
        """The digits as text, such as 4711."""
        return "".join(str(digit.label) for digit in self.digits)

    @property
    def acceptable_if_confirmed(self) -> bool:
        """Whether a check digit or a read-back is all that is missing."""
        return self.reasons == (NOT_CONFIRMED,)

    def as_json(self) -> dict[str, Any]:
        """For json.dumps."""
        return {"value": self.value, **asdict(self), "acceptable_if_confirmed": self.acceptable_if_confirmed}
