"""python -m lab.benchmarks.forms.calibration: whether accepted values are wrong as often as their chances say.

Digits are simulated with probabilities that are right by themselves: a digit of probability 0.9 is wrong one time in
ten. One writer in a hundred (SLIP) miswrites a digit, so that the value fails its checks or its sum; what is written
counts as right. Then, for every kind of check, the accepted values must not be wrong more often than 1 - chance says.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.fields.summing import decide_fields
from mmdigit.forms.fields.weighing import LENIENCE, SLIP, FieldValue, Reading, candidates_of
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.template.template import Boxes, FormField, FormPage, Range, Records, Sum, Template
from mmdigit.forms.template.validators import checks_of
from mmdigit.forms.template.value_list import ValueList

SEED = 20261128
LISTED = 2_000  # values of the lookup file
ROWS = 10  # of the grid that is summed
SUREST, LEAST_SURE = 1e-8, 0.2  # chances that a digit is not its likeliest, log-uniform
Values = Iterator[tuple[str, FieldValue]]
"""What is written, and the value that is read."""


def probabilities_of(written: str, chance: np.random.Generator) -> NDArray[np.float64]:
    """(n_digits, 10): what a calibrated reader may say of digits; it is wrong as often as it says."""
    doubts = np.exp(chance.uniform(np.log(SUREST), np.log(LEAST_SURE), len(written)))
    rows = []
    for digit, doubt in zip(written, doubts, strict=True):
        by_distance = np.array([1 - doubt, *(doubt * chance.dirichlet(np.full(9, 0.3)))])
        likeliest = (int(digit) - chance.choice(10, p=by_distance / by_distance.sum())) % 10
        rows.append(np.roll(by_distance, likeliest))
    return np.maximum(rows, 1e-12)


def single(field: FormField, draw: Callable[[], str], chance: np.random.Generator) -> Values:
    """Values of one field without end; draw: one that passes its checks."""
    template = _template(FormPage(fields=(field,)))
    (slot,) = slots_of(template, 0)
    checks, least = checks_of(field), 1 - LENIENCE * field.target_error
    while True:
        written = draw()
        if checks and chance.random() < SLIP:
            written = _slipped(written, lambda digits: all(check(digits) for check in checks), chance)
        read = candidates_of(field, probabilities_of(written, chance))
        yield written, Reading(slot, least, candidates=read).decided()


def summed(target_error: float, chance: np.random.Generator) -> Values:
    """The values of pages with a grid's column and its total without end."""
    amounts = Records(name="items", rows=ROWS, pitch_mm=10.0, fields=(_field("amount", 4, target_error),))
    rule = Sum(total="total", of=("items.amount",))
    page = FormPage(fields=(_field("total", 6, target_error),), records=(amounts,), sums=(rule,))
    slots, least = slots_of(_template(page), 0), 1 - LENIENCE * target_error
    while True:
        rows = chance.integers(10_000, size=ROWS)
        total = f"{rows.sum():06}"
        if chance.random() < SLIP:
            total = _slipped(total, total.__eq__, chance)
        written = [total, *(f"{row:04}" for row in rows)]
        readings = [
            Reading(slot, least, candidates=candidates_of(slot.field, probabilities_of(each, chance)))
            for slot, each in zip(slots, written, strict=True)
        ]
        yield from zip(written, decide_fields(page, readings), strict=True)


def kinds(target_error: float, chance: np.random.Generator) -> dict[str, Values]:
    """Values of each kind of check, all of eight digits but the summed ones."""

    def digits(**settings: object) -> FormField:
        return _field("number", 8, target_error).model_copy(update=settings)

    def passing(field: FormField) -> Callable[[], str]:
        checks = checks_of(field)

        def draw() -> str:
            while True:
                value = f"{chance.integers(10**8):08}"
                if all(check(value) for check in checks):
                    return value

        return draw

    listed = np.unique(np.array([f"{value:08}" for value in chance.integers(10**8, size=LISTED)], "S8"))
    columns = np.ascontiguousarray((listed.view(np.uint8).reshape(-1, 8) - ord("0")).T)
    file, plain, luhn = "members.txt", digits(), digits(validators=("luhn",))
    looked_up = _template(FormPage(fields=(digits(lookup=file),)))
    looked_up = looked_up.with_lists({(file, 8): ValueList("0" * 64, listed, columns)})
    ranged = digits(range=Range(min="1", max="20000000"))
    return {
        "plain": single(plain, passing(plain), chance),
        "check digit": single(luhn, passing(luhn), chance),
        "range": single(ranged, passing(ranged), chance),
        "lookup": single(looked_up.pages[0].fields[0], lambda: str(chance.choice(listed).decode()), chance),
        "sum": summed(target_error, chance),
    }


def measure(values: Values, count: int) -> dict[str, float]:
    """Of so many values: how many are accepted, how many of those are wrong, and how many would be by their chances."""
    accepted = wrong = 0
    doubt = 0.0
    for _, (written, value) in zip(range(count), values, strict=False):
        if value.decision == "accept":
            accepted += 1
            wrong += value.text != written
            doubt += 1 - (value.chance or 0.0)
    return {"values": count, "accepted": accepted, "wrong": wrong, "wrong_by_chances": round(doubt, 2)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks.forms.calibration", description=__doc__)
    parser.add_argument("--values", type=int, default=20_000, help="of each kind")
    parser.add_argument("--target-error", type=float, default=0.0014)
    given = parser.parse_args(argv)
    for name, values in kinds(given.target_error, np.random.default_rng(SEED)).items():
        sys.stdout.write(json.dumps({"check": name, **measure(values, given.values)}) + "\n")
        sys.stdout.flush()
    return 0


def _slipped(written: str, passes: Callable[[str], bool], chance: np.random.Generator) -> str:
    """With one digit changed, so that it does not pass."""
    slipped = written
    while passes(slipped):
        place = int(chance.integers(len(written)))
        slipped = written[:place] + str(chance.integers(10)) + written[place + 1 :]
    return slipped


def _field(name: str, count: int, target_error: float) -> FormField:
    boxes = Boxes(at_mm=(20.0, 40.0), size_mm=(5.0, 7.0), pitch_mm=6.0, count=count)
    return FormField(name=name, boxes=boxes, target_error=target_error)


def _template(page: FormPage) -> Template:
    return Template(version=1, form="CALI", pages=(page,))


if __name__ == "__main__":
    raise SystemExit(main())
