"""The value of a free field: what the line reader says of its digits, weighed by the field's checks."""

from dataclasses import dataclass

import numpy as np

from mmdigit.forms.fields.weighing import Box, FieldReason, Reading, candidates_of, least_chance_of
from mmdigit.forms.template.layout import Slot
from schemas.errors import DataError


@dataclass(frozen=True)
class ReadLine:
    """What was read in a free field. probabilities: ten of each of its digits, none if another number of them was
    found. reasons: why a person has to look, whatever the chance is. least_chance: from which the reader accepts a
    number; None = never."""

    probabilities: tuple[tuple[float, ...], ...]
    reasons: tuple[FieldReason, ...]
    least_chance: float | None
    model_version: str


def weigh_line(
    slot: Slot, frame_found: bool, cell: Box, line: ReadLine | None, least_chance: float | None = None
) -> Reading:
    """What a free field may say. cell: its box. line: None if nothing is written. least_chance: as for weigh_field.

    Raises DataError if nobody has read what is written.
    """
    reasons: list[FieldReason] = [] if frame_found else ["frame_not_found"]
    least = least_chance_of(slot.field) if least_chance is None else least_chance
    if cell.state == "blank":
        return Reading(slot, least, (*reasons, "blank") if slot.field.blank == "review" else tuple(reasons))
    unread = "?" * slot.field.boxes.count
    if cell.state == "over_full":
        return Reading(slot, least, (*reasons, "over_full"), unread)
    if line is None:
        raise DataError(f"expected what is read in the free field {slot.name}, got nothing; read its page again")
    reasons += line.reasons
    if len(line.probabilities) != slot.field.boxes.count:
        return Reading(slot, least, tuple(reasons), unread)
    if least_chance is None and line.least_chance is None:
        reasons.append("low_confidence")
    elif least_chance is None and line.least_chance is not None:
        least = max(least, line.least_chance)
    probabilities = np.array(line.probabilities, np.float64)
    return Reading(slot, least, tuple(reasons), candidates=candidates_of(slot.field, probabilities))
