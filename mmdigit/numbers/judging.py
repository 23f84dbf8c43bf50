"""Decides whether a written number is accepted, with every reason that speaks against it.

A number is never accepted if digits had to be cut apart, or if nobody said how many there are: a one that lies upon a
stroke of its neighbour leaves a plain digit behind, and nothing shows that it was there.
"""

from typing import NamedTuple

from mmdigit.numbers.written_number import LineReason

NO_BAR = 1.0  # a confidence that is never reached
LEAST_COUNT_CHANCE = 0.02  # of the given count; below that, another fits better
MOST_LEFT_OUT = 0.02  # of the square of a digit's height; more than that is writing


class Chosen(NamedTuple):
    """What is known of the digits that were chosen.

    confidence: that all are right. count_chance: of this count, among all.
    given: whether somebody said how many there are; differs: whether they said another count than was found.
    cut_ink: the most that a cut goes through, of a digit's height. left_out: ink in no digit, of the square of that.
    """

    confidence: float
    count_chance: float
    given: bool
    differs: bool
    cut_ink: float
    left_out: float
    novel: bool
    several_lines: bool
    struck_out: bool


def reasons_of(chosen: Chosen, bar: float) -> tuple[LineReason, ...]:
    """None if the number is accepted. bar: the confidence that it must reach."""
    reasons: list[LineReason] = []
    unsure = chosen.confidence < bar or bar >= NO_BAR
    if chosen.differs or (chosen.given and chosen.count_chance < LEAST_COUNT_CHANCE):
        reasons.append("count_differs")
    elif not chosen.given:
        reasons.append("count_unclear")
    if unsure:
        reasons.append("low_confidence")
    others: tuple[tuple[bool, LineReason], ...] = (
        (chosen.cut_ink > 0, "touching"),
        (chosen.left_out > MOST_LEFT_OUT, "ink_left_out"),
        (chosen.several_lines, "several_lines"),
        (chosen.novel, "not_a_digit"),
        (chosen.struck_out, "struck_out"),
    )
    return (*reasons, *(reason for given, reason in others if given))
