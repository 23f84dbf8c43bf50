"""Reads the free fields of a page: the digits in one box, of which the form says how many there are."""

from collections.abc import Sequence

import numpy as np

from mmdigit.forms.cells.reader import Cell
from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.registration.flattening import Darkness
from mmdigit.numbers.written import LineReader
from mmdigit.numbers.written_number import LineReason
from mmdigit.reading.image.decode import Photo
from mmdigit.reading.predictor import Predictor

DECIMALS = 9  # of the probabilities that are kept
FIELD_REASONS: dict[LineReason, FieldReason | None] = {
    "no_digits": "not_a_digit",
    "low_confidence": None,  # the checks of the field have a say in its chance
    "touching": "touching",
    "count_unclear": None,  # the form says how many there are
    "count_differs": "count_differs",
    "ink_left_out": "ink_left_out",
    "several_lines": "ink_left_out",
    "not_a_digit": "not_a_digit",
    "struck_out": "crossed_out",
}


class FreeFieldReader:
    """Reads free fields with one model."""

    def __init__(self, predictor: Predictor) -> None:
        """Raises WeightsError if what is fitted to the shipped model is damaged."""
        self._lines = LineReader(predictor)

    def read(self, fields: Sequence[Sequence[Cell]]) -> dict[str, ReadLine]:
        """By name, each free field in which something is written. fields: the cells of each field of a page."""
        return {
            cell.slot.name: self._read(cell.line, cell.slot.field.boxes.count)
            for cells in fields
            for cell in cells
            if cell.line is not None
        }

    def _read(self, line: Darkness, count: int) -> ReadLine:
        grey = np.asarray(np.clip(1 - line, 0, 1), np.float32)
        number = self._lines.read(Photo(grey, (grey.shape[1], grey.shape[0])), count)
        found = [FIELD_REASONS[reason] for reason in number.reasons]
        return ReadLine(
            tuple(tuple(round(chance, DECIMALS) for chance in digit.probabilities) for digit in number.digits),
            tuple(dict.fromkeys(reason for reason in found if reason is not None)),
            self._lines.least_confidence,
            number.model_version,
        )
