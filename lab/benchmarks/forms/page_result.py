"""What became of one generated page: counts, and each eight-digit field's doubt."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lab.benchmarks.forms.generated import GeneratedPage
from mmdigit.forms.cells.reader import Cell, CellReader
from mmdigit.forms.fields.weighing import FieldValue, read_field
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.sheets.placing import PlacedPage, place
from mmdigit.forms.template.layout import Slot
from mmdigit.forms.template.template import Template
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer

Counts = defaultdict[str, float]
TEMPERATURES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""Times the model's own: whether another one would suit the cells better."""


class FieldResult(NamedTuple):
    """Of an eight-digit field. doubt: 1 - chance, 1 if there is none. sound: no reason but a low chance sends it to
    review."""

    slot: str
    written: str
    read: str
    checked: bool
    doubt: float
    sound: bool
    accepted: bool

    @property
    def right(self) -> bool:
        return self.read == self.written


class PageResult(NamedTuple):
    number: int
    kind: str
    writer: int
    cpu_s: float
    """Up to the cells."""
    counts: dict[str, float]
    fields: list[FieldResult]

    @classmethod
    def of(cls, stored: Sequence[Any]) -> Self:
        """As JSON gives it back."""
        number, kind, writer, cpu_s, counts, fields = stored
        return cls(number, kind, writer, cpu_s, counts, [FieldResult(*field) for field in fields])


class PageReader:
    """Reads generated pages. validators: whether the fields' check digits count."""

    def __init__(self, template: Template, predictor: Predictor, *, validators: bool = True) -> None:
        self._template, self._predictor, self._validators = template, predictor, validators
        self._cells = CellReader()

    def read(self, number: int, page: GeneratedPage) -> PageResult:
        counts: Counts = defaultdict(float, pages=1)
        fields: list[FieldResult] = []
        begun = time.process_time()
        placed = place(ScannedPage(1, page.scan.pixels), self._template)
        cells = [] if isinstance(placed, PageFault) else self._cells.read(placed.darkness, placed.slots, placed.frames)
        spent = time.process_time() - begun
        if isinstance(placed, PageFault):
            counts["pages_to_review"] += 1
            counts[f"review_{placed.reason}"] += 1
        else:
            error = registration_error_mm(placed, page)
            counts["pages_within_0.3_mm"] += error <= 0.3
            counts["pages_wrong_by_1_mm"] += error > 1.0
            fields = self._fields(page, placed, cells, counts)
        return PageResult(number, page.kind, page.filled.writer, spent, dict(counts), fields)

    def _fields(
        self, page: GeneratedPage, placed: PlacedPage, cells: list[list[Cell]], counts: Counts
    ) -> list[FieldResult]:  # fmt: skip
        answers = iter(self._answers([cell.image for row in cells for cell in row if cell.is_digit]))
        originals = iter(self._answers(list(np.concatenate(page.filled.originals))))
        results = []
        for slot, frame, row, truth in zip(placed.slots, placed.frames, cells, page.filled.written, strict=True):
            read = [next(answers) if cell.is_digit else None for cell in row]
            if truth is None:
                counts["blank_boxes"] += len(row)
                counts["blank_boxes_told"] += sum(cell.state == "blank" for cell in row)
                continue
            ideal = [next(originals) for _ in row]
            count_digits(truth, row, read, ideal, counts)
            if slot.field.type == "digits":
                clear = [replace(cell, state="digit") for cell in row]
                accepted = read_field(self._read_as(slot), True, clear, ideal).decision == "accept"
                counts[f"{'checked' if slot.field.validators else 'plain'}_originals_accepted"] += accepted
                results.append(field_result(slot, truth, read_field(self._read_as(slot), frame.found, row, read)))
        return results

    def _read_as(self, slot: Slot) -> Slot:
        return slot if self._validators else replace(slot, field=slot.field.model_copy(update={"validators": ()}))

    def _answers(self, images: Sequence[NDArray[np.uint8]]) -> list[Answer]:
        inputs = [ModelInput(np.asarray(image / np.float32(255), np.float32)) for image in images]
        return [each for start in range(0, len(inputs), 128) for each in self._predictor.predict(inputs[start:][:128])]


def registration_error_mm(placed: PlacedPage, page: GeneratedPage) -> float:
    """The farthest that any box's middle is from where it truly is, the frames' offsets applied."""
    errors = []
    for slot, frame in zip(placed.slots, placed.frames, strict=True):
        middles = np.array([((box.left + box.right) / 2, (box.top + box.bottom) / 2) for box in slot.boxes])
        seen = placed.registration.to_pixels(middles + np.array(frame.offset_mm))
        errors.append(np.linalg.norm(seen - page.scan.view.to_pixels(middles), axis=1).max())
    return float(max(errors)) / placed.registration.px_per_mm


def count_digits(
    truth: str, cells: Sequence[Cell], read: Sequence[Answer | None], originals: Sequence[Answer], counts: Counts
) -> None:  # fmt: skip
    """originals: the model's answers to the MNIST digits that the boxes were written with."""
    for digit, cell, answer, original in zip(truth, cells, read, originals, strict=True):
        counts["digits"] += 1
        counts["originals_right"] += original.label == int(digit)
        counts["originals_loss"] += loss(original, digit)
        if answer is None:
            counts[f"digits_called_{cell.state}"] += 1
        else:
            counts["digits_right"] += answer.label == int(digit)
            counts["digits_not_a_digit"] += "not_a_digit" in answer.reasons
            for temperature in TEMPERATURES:
                counts[f"digits_loss_at_{temperature:g}"] += loss(answer, digit, temperature)


def loss(answer: Answer, digit: str, temperature: float = 1.0) -> float:
    """The negative logarithm of the digit's probability. temperature: times the model's own."""
    powers = np.maximum(answer.probabilities, 1e-12) ** (1 / temperature)
    return -float(np.log(powers[int(digit)] / powers.sum()))


def field_result(slot: Slot, truth: str, value: FieldValue) -> FieldResult:
    return FieldResult(
        slot.name, truth, value.text, bool(slot.field.validators), 1.0 if value.chance is None else 1 - value.chance,
        not set(value.reasons) - {"low_confidence"}, value.decision == "accept",
    )  # fmt: skip
