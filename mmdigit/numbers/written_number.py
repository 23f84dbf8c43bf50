"""What a line of writing says: its digits with their places, how certain they are, and why a person has to look."""

from dataclasses import dataclass
from typing import Literal

from schemas.prediction import Decision

LineReason = Literal[
    "no_digits", "low_confidence", "touching", "count_unclear", "count_differs", "ink_left_out", "several_lines",
    "not_a_digit", "struck_out",
]  # fmt: skip
"""Why a number goes to review; low_confidence, not_a_digit and struck_out as for a single digit."""
Side = Literal["left", "right"]


@dataclass(frozen=True)
class WrittenDigit:
    """confidence: that this digit stands at this place, range [0, 1]. runner_up: the next likeliest digit. corners:
    of its box in the photo, x and y in pixels, clockwise from the top left; the box leans as the line does. cut_sides:
    where it touches a neighbour and had to be cut off. probabilities: ten, of each digit at this place, sum 1."""

    label: int
    confidence: float
    runner_up: int
    corners: tuple[tuple[float, float], ...]
    cut_sides: tuple[Side, ...] = ()
    probabilities: tuple[float, ...] = ()

    @property
    def box(self) -> tuple[int, int, int, int]:
        """left, top, right, bottom of the upright box around it, in pixels of the photo."""
        across, down = zip(*self.corners, strict=True)
        return round(min(across)), round(min(down)), round(max(across)), round(max(down))


@dataclass(frozen=True)
class WrittenNumber:
    """What a line says. confidence: that all digits are right, range [0, 1]. other: the likeliest other number, "" if
    there is none. reasons: why a person has to look; none if it is accepted."""

    digits: tuple[WrittenDigit, ...]
    confidence: float
    other: str
    decision: Decision
    reasons: tuple[LineReason, ...]
    model_version: str

    @property
    def number(self) -> str:
        return "".join(str(digit.label) for digit in self.digits)
