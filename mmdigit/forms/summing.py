"""The values of a page's fields, those of its sums weighed together.

A sum that holds is likelier than one that does not, by Bayes' rule as for check digits: of all combinations of its
fields' candidates, those that do not add up count SLIP times. The combinations are never listed: the distribution of
the sum of the first fields is carried forward from field to field, and the chance that the others complete it to the
total is carried back, as in a hidden Markov model (Rabiner 1989, doi:10.1109/5.18626, section III).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.fields import SLIP, FieldValue, Reading
from mmdigit.forms.template import FormPage
from mmdigit.forms.validators import decimals_of

TOGETHER = 20  # candidates of a field that are combined with those of others
STATES = 2_000  # sums of the first fields that are carried on
LEAST = 1e-9  # chance of a candidate that is combined
Integers = NDArray[np.int64]
Chances = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Part:
    """A field of a sum. numbers, weights: (n,), of the candidates that are combined. ceiling: of any other's chance."""

    numbers: Integers
    weights: Chances
    ceiling: float


class _Weighed:
    """What is known of a field so far. best: the candidate that is shown. failed: a sum of it does not hold."""

    def __init__(self, reading: Reading) -> None:
        found = reading.candidates
        self.reading, self.failed = reading, False
        self.best = 0 if found is None else found.best
        self.weights = np.zeros(0) if found is None else found.weights
        self.ceiling = 0.0 if found is None else found.ceiling

    @property
    def is_blank(self) -> bool:
        """And may be."""
        return self.reading.candidates is None and not self.reading.text and not self.reading.reasons

    @property
    def kept(self) -> NDArray[np.intp]:
        """The candidates that are combined, likeliest first; the one that is shown is among them."""
        order = np.argsort(-self.weights, kind="stable")[:TOGETHER]
        return order[self.weights[order] >= LEAST]

    def number(self, index: int, decimals: int) -> int:
        """Of a candidate, in units of the decimals."""
        digits = self.reading.candidates.digits[index] if self.reading.candidates is not None else "0"
        return int(digits + "0" * (decimals - decimals_of(self.reading.slot.field)))

    def part(self, decimals: int) -> _Part:
        if self.reading.candidates is None:
            return _Part(np.zeros(1, np.int64), np.ones(1), 0.0)
        kept = self.kept
        numbers = np.array([self.number(index, decimals) for index in kept.tolist()], np.int64)
        others = np.delete(self.weights, kept)
        return _Part(numbers, self.weights[kept], max(self.ceiling, float(others.max(initial=0.0))))

    def decided(self) -> FieldValue:
        if self.reading.candidates is None:
            return self.reading.decided()
        return self.reading.decided(self.best, float(self.weights[self.best]), failed=self.failed)


def decide_fields(page: FormPage, readings: Sequence[Reading]) -> list[FieldValue]:
    """The value of each field of a page, in order of the readings. A sum with a field that cannot be read says nothing.

    If a sum holds, the chances of its fields rise, or another candidate is likelier and marked as corrected; if not,
    all that is written in it goes to review.
    """
    fields = [_Weighed(reading) for reading in readings]
    columns: dict[str, list[_Weighed]] = {}
    for field in fields:
        slot = field.reading.slot
        columns.setdefault(slot.field.name if slot.records is None else f"{slot.records}.{slot.field.name}", []).append(
            field
        )
    for rule in page.sums:
        (total,) = columns[rule.total]
        parts = [field for name in rule.of for field in columns[name]]
        if total.reading.candidates is not None and all(
            field.is_blank or field.reading.candidates is not None for field in parts
        ):
            _weigh([total, *parts])
    return [field.decided() for field in fields]


def _weigh(fields: Sequence[_Weighed]) -> None:
    """Weigh the candidates of a sum's fields together; the first one is the total."""
    decimals = max(decimals_of(field.reading.slot.field) for field in fields)
    parts = [field.part(decimals) for field in fields]
    holding, left_out = _holding(parts[0], parts[1:])
    holds = float(holding[0].sum())
    # One value at most of a field completes the others' combination to the total: what is left out holds this much.
    left_out += sum(part.ceiling for part in parts)
    total = holds + left_out + SLIP * (1 - holds)
    for field, part, each in zip(fields, parts, holding, strict=True):
        if field.reading.candidates is not None:
            kept = field.kept
            field.weights = SLIP * field.weights / total
            field.weights[kept] += (1 - SLIP) * each / total
            field.ceiling = part.ceiling / total
    likeliest = [int(field.weights.argmax()) if len(field.weights) else 0 for field in fields]
    numbers = [field.number(index, decimals) for field, index in zip(fields, likeliest, strict=True)]
    for field, index in zip(fields, likeliest, strict=True):
        if numbers[0] == sum(numbers[1:]):
            field.best = index
        else:
            field.failed = True


def _holding(total: _Part, parts: Sequence[_Part]) -> tuple[list[Chances], float]:
    """For the total and each part, how likely each candidate is and the sum holds; how much of it is left out."""
    states: list[tuple[Integers, Chances]] = [(np.zeros(1, np.int64), np.ones(1))]
    left_out = 0.0
    for part in parts:
        sums, chances = states[-1]
        numbers, places = np.unique((sums[:, None] + part.numbers).ravel(), return_inverse=True)
        chances = np.bincount(places.ravel(), (chances[:, None] * part.weights).ravel()).astype(np.float64)
        if len(numbers) > STATES:
            kept = np.sort(np.argpartition(-chances, STATES)[:STATES])
            left_out += float(chances.sum() - chances[kept].sum())
            numbers, chances = numbers[kept], chances[kept]
        states.append((numbers, chances))
    order = np.argsort(total.numbers)
    reached, ahead = total.numbers[order], total.weights[order]  # the chance that the total is what is reached
    holding = []
    for part, (sums, chances) in zip(reversed(parts), reversed(states[:-1]), strict=True):
        completed = _at(sums[:, None] + part.numbers, reached, ahead)
        holding.append(part.weights * (chances @ completed))
        reached, ahead = sums, completed @ part.weights
    of_total = total.weights * _at(total.numbers, *states[-1])
    return [of_total, *reversed(holding)], left_out


def _at(wanted: Integers, numbers: Integers, values: Chances) -> Chances:
    """The value of each wanted number, 0 where there is none. numbers: sorted."""
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[places] == wanted, values[places], 0.0)
