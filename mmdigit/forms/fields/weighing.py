"""The value of a field from its boxes' answers, the chance that all of it is right, and whether a person has to look.

The chance is that of the whole value: the product of its digits' calibrated probabilities. Where the value has checks,
it is weighed against every other value that would pass them (Bayes' rule), so that a wrong digit which happens to pass
counts, too. A value that only the checks suggest is marked `corrected` and always reviewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.cells.reader import CellState
from mmdigit.forms.template.layout import Slot
from mmdigit.forms.template.template import FormField
from mmdigit.forms.template.validators import checks_of, date_of
from schemas.prediction import Answer, Decision

CANDIDATES = 400  # values that are weighed against each other; what is left over counts as one that passes
FEW_CANDIDATES = 100  # where somebody only wants to see the likeliest ones
LENIENCE = 3.0
"""A value is accepted up to this many times the target error of doubt: most of what is accepted is far surer, so that
the mean doubt of the accepted values is the target (python -m lab.benchmarks.forms, MNIST's validation writers; half of
them choose it, the other half check it)."""
SLIP = 0.01  # how much less often a person writes a value that fails the checks than one that passes them
MARKED_MM2 = 1.5  # of ink in a check box is a mark; less may be a slip of the pen

FieldReason = Literal[
    "low_confidence",  # the chance of the whole value is too low for the target error
    "blank",  # nothing is written
    "partly_blank",  # some boxes are empty
    "over_full",  # a box is blackened
    "crossed_out",  # a box holds a crossed-out digit
    "not_a_digit",  # a box holds something else
    "several_digits",  # a box holds more than one
    "touching",  # digits of a free field touch, and had to be cut apart
    "count_differs",  # another number of digits than a free field has fits better
    "ink_left_out",  # a free field holds writing that belongs to none of its digits
    "not_valid",  # the value fails the field's checks or its sum, and none that passes them is likelier
    "corrected",  # the likeliest value fails its checks or its sum; this is the likeliest that passes
    "frame_not_found",  # the printed boxes are not seen
    "faint_mark",  # a check box with so little ink that it may be none
    "dead_letter",  # the job of a box could not be answered
    "conflict",  # what is written in a box and what is said differ
    "not_spoken",  # the field has to be read aloud, and there is no recording
    "not_heard",  # the recording cannot be read, or no digit is heard in it
    "spoken_differs",  # another number of digits is heard than is written
    "control_differs",  # a person who keyed the accepted value to control it has read something else
]


DEAD_LETTER: Final = "dead_letter"
Outcome = Answer | Literal["dead_letter"] | None
"""What became of a box's job; None if it has none."""


class Box(Protocol):
    """What is known of a box before it is read: of a Cell, or of one that was kept."""

    @property
    def state(self) -> CellState: ...
    @property
    def ink_mm2(self) -> float: ...


@dataclass(frozen=True)
class FieldValue:
    """text: as the table shows it, "" if nothing can be read. chance: that all of it is right; None if that is not
    known. reasons: why a person has to look, none if the decision is accept."""

    slot: Slot
    text: str
    decision: Decision
    reasons: tuple[FieldReason, ...] = ()
    chance: float | None = None


@dataclass(frozen=True, eq=False)
class Candidates:
    """Values that a field may have. digits: the likeliest by themselves first. weights, (n,): the chance of each, its
    checks considered. passes, (n,): whether it passes them. ceiling: of the chance of any other value."""

    digits: list[str]
    weights: NDArray[np.float64]
    passes: NDArray[np.bool_]
    ceiling: float

    @property
    def best(self) -> int:
        return int(self.weights.argmax())


@dataclass(frozen=True, eq=False)
class Reading:
    """A field before it is decided. text, chance, reasons: as FieldValue has them, but for what its candidates say.
    candidates: None if it cannot be read. least_chance: from which its value is accepted."""

    slot: Slot
    least_chance: float
    reasons: tuple[FieldReason, ...] = ()
    text: str = ""
    candidates: Candidates | None = None

    def decided(self, best: int | None = None, chance: float | None = None, *, failed: bool = False) -> FieldValue:
        """best, chance: the candidate that is shown and the chance that it is right; by default the likeliest.
        failed: a sum of the field does not hold."""
        reasons, each = list(self.reasons), self.candidates
        if each is None:
            return _value(self.slot, self.text, reasons, None)
        best = each.best if best is None else best
        chance = float(each.weights[best]) if chance is None else chance
        if best:
            reasons.append("corrected")
        if failed or not each.passes[best]:
            reasons.append("not_valid")
        elif not best and (self.slot.field.validators or self.slot.field.iban) and reasons.count("not_a_digit") == 1:
            reasons.remove("not_a_digit")  # a check digit that passes knows better: nine of ten signs would fail it
        if chance < self.least_chance:
            reasons.append("low_confidence")
        return _value(self.slot, _shown(self.slot.field, each.digits[best]), reasons, chance)


def read_field(
    slot: Slot,
    frame_found: bool,
    cells: Sequence[Box],
    outcomes: Sequence[Outcome],
    least_chance: float | None = None,
    unheard: FieldReason | None = None,
) -> FieldValue:
    """The value of one field by itself; parameters as for weigh_field."""
    return weigh_field(slot, frame_found, cells, outcomes, least_chance, unheard).decided()


def weigh_field(
    slot: Slot,
    frame_found: bool,
    cells: Sequence[Box],
    outcomes: Sequence[Outcome],
    least_chance: float | None = None,
    unheard: FieldReason | None = None,
) -> Reading:
    """What one field may say.

    frame_found: its printed boxes are seen. outcomes: one a cell, None unless the cell's state is digit. least_chance:
    from which the value is accepted; by default that of LENIENCE. unheard: why its recording does not help.
    """
    reasons: list[FieldReason] = [] if frame_found else ["frame_not_found"]
    if unheard is not None:
        reasons.append(unheard)
    elif slot.field.spoken == "required" and not _is_heard(outcomes) and any(cell.state != "blank" for cell in cells):
        reasons.append("not_spoken")
    least = least_chance_of(slot.field) if least_chance is None else least_chance
    if slot.field.type == "check":
        return Reading(slot, least, *_check_mark(slot.field, cells[0], reasons))
    if all(cell.state == "blank" for cell in cells):
        if slot.field.blank == "review":
            reasons.append("blank")
        return Reading(slot, least, tuple(reasons))
    skipped = _leading_blanks(slot.field, cells)
    written = list(zip(cells, outcomes, strict=True))[skipped:]
    for cell, outcome in written:
        reasons += _reasons(cell, outcome)
    read = [outcome for _, outcome in written if isinstance(outcome, Answer)]
    if len(read) < len(written):
        text = "".join(str(outcome.label) if isinstance(outcome, Answer) else "?" for _, outcome in written)
        return Reading(slot, least, tuple(reasons), text)
    probabilities = np.array([answer.probabilities for answer in read], np.float64)
    return Reading(slot, least, tuple(reasons), candidates=candidates_of(slot.field, probabilities))


def least_chance_of(field: FormField) -> float:
    """The chance from which a field's value is accepted, by its target error."""
    return 1 - LENIENCE * field.target_error


def _reasons(cell: Box, outcome: Outcome) -> list[FieldReason]:
    if cell.state == "blank":
        return ["partly_blank"]
    if cell.state == "over_full":
        return ["over_full"]
    if cell.state == "crossed_out":
        return ["crossed_out"]
    if outcome == DEAD_LETTER:
        return [DEAD_LETTER]
    seen = outcome.reasons if isinstance(outcome, Answer) else ()
    return [reason for reason in ("not_a_digit", "several_digits", "conflict") if reason in seen]


def _is_heard(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, Answer) and outcome.audio is not None for outcome in outcomes)


def _check_mark(
    field: FormField, cell: Box, reasons: list[FieldReason]
) -> tuple[tuple[FieldReason, ...], str]:  # fmt: skip
    if cell.state == "over_full":
        reasons.append("over_full")
    elif cell.state != "blank" and cell.ink_mm2 < MARKED_MM2:
        reasons.append("faint_mark")
    if cell.state == "blank" and field.blank == "review":
        reasons.append("blank")
    return tuple(reasons), "false" if cell.state == "blank" else "true"


def _value(slot: Slot, text: str, reasons: Sequence[FieldReason], chance: float | None) -> FieldValue:
    once = tuple(dict.fromkeys(reasons))
    return FieldValue(slot, text, "review" if once else "accept", once, chance)


def _leading_blanks(field: FormField, cells: Sequence[Box]) -> int:
    """How many boxes may stay empty before a decimal: an amount is written from the right."""
    if field.type != "decimal":
        return 0
    most = len(cells) - field.decimals - 1
    return next((index for index, cell in enumerate(cells[:most]) if cell.state != "blank"), most)


def likely_texts(field: FormField, probabilities: NDArray[np.float64], most: int) -> list[str]:
    """Up to `most` values that pass the field's checks, as the table shows them, the likeliest first.

    probabilities: as of candidates_of. Weighs fewer values, so that it takes less than a millisecond or two.
    """
    each = candidates_of(field, probabilities, FEW_CANDIDATES)
    order = np.argsort(-each.weights, kind="stable")
    return [_shown(field, each.digits[index]) for index in order.tolist() if each.passes[index]][:most]


def candidates_of(field: FormField, probabilities: NDArray[np.float64], most: int = CANDIDATES) -> Candidates:
    """The values that a field may have, weighed by its checks.

    probabilities: (n_digits, 10), range [0, 1]. most: how many values are weighed.
    """
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    values, chances = _likeliest(probabilities, most)
    checks, listed = checks_of(field), field.listed
    rest, largest = max(0.0, 1 - float(chances.sum())), float(chances[-1])  # of the values that are left out
    if listed is not None:
        of_list, chances_of_list, rest_of_list = listed.likeliest(probabilities, most)
        known = set(values)
        new = [index for index, value in enumerate(of_list) if value not in known]
        values = values + [of_list[index] for index in new]
        rest -= float(chances_of_list[new].sum()) + rest_of_list
        rest = rest_of_list + SLIP * max(0.0, rest)
        largest = max(SLIP * largest, float(chances_of_list[-1]) if rest_of_list else 0.0)
        chances = np.concatenate([chances, chances_of_list[new]])
    passes = np.array([all(check(value) for check in checks) for value in values])
    weights = chances * np.where(passes, 1.0, SLIP)
    total = float(weights.sum()) + rest
    return Candidates(values, weights / total, passes, min(largest, rest) / total)


def _likeliest(probabilities: NDArray[np.float64], most: int) -> tuple[list[str], NDArray[np.float64]]:
    """The likeliest values, of n digits each, and their chances, (most,) or fewer, range [0, 1], best first.

    probabilities: (n, 10), each row's sum 1: of each digit.
    """
    digits, chances = np.zeros((1, 0), np.int64), np.ones(1)
    for row in probabilities:
        longer = (chances[:, None] * row).ravel()
        best = np.argsort(-longer, kind="stable")[:most]
        digits = np.concatenate([digits[best // 10], (best % 10)[:, None]], axis=1)
        chances = longer[best]
    return ["".join(map(str, each)) for each in digits.tolist()], chances


def _shown(field: FormField, digits: str) -> str:
    """As the table shows it: dates as YYYY-MM-DD, times as HH:MM, decimals with a point."""
    if field.type == "date":
        date = date_of(digits, field.date_format)
        return digits if date is None else date.isoformat()
    if field.type == "time":
        return f"{digits[:2]}:{digits[2:]}"
    if field.type == "decimal":
        return f"{digits[: -field.decimals]}.{digits[-field.decimals :]}"
    return digits
