"""The values of a page's fields, those of its sums weighed together.

A sum that holds is likelier than one that does not, by Bayes' rule as for check digits: of all combinations of its
fields' candidates, those that do not add up count SLIP times. The combinations are never listed. The distribution of a
sum of independent numbers is the product of their Fourier transforms; all is done modulo MODULUS, so that it stays
short. A combination that is wrong by a multiple of MODULUS counts as one that holds, about one in MODULUS by chance;
one or two wrong digits never are (tests/mmdigit/forms/fields/test_summing.py).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdigit.forms.fields.weighing import SLIP, FieldValue, Reading
from mmdigit.forms.template.template import FormPage
from mmdigit.forms.template.validators import decimals_of

MODULUS = 3**8
Chances = NDArray[np.float64]


class _Weighed:
    """What is known of a field so far.

    digits: of its candidates; "0" of a blank one. weights, (n,): the chance of each. ceiling: of any other's chance.
    best: the candidate that is shown. failed: a sum of the field does not hold.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading, self.failed, self.best = reading, False, 0
        self.digits, self.weights, self.ceiling = ["0"], np.ones(1), 0.0
        if (found := reading.candidates) is not None:
            self.digits, self.weights, self.ceiling, self.best = found.digits, found.weights, found.ceiling, found.best

    @property
    def is_readable(self) -> bool:
        """Or blank, and may be."""
        return self.reading.candidates is not None or (not self.reading.text and not self.reading.reasons)

    def number(self, index: int, decimals: int) -> int:
        """Of a candidate, in units of the decimals."""
        return int(self.digits[index] + "0" * (decimals - decimals_of(self.reading.slot.field)))

    def decided(self) -> FieldValue:
        if self.reading.candidates is None:
            return self.reading.decided()
        return self.reading.decided(self.best, float(self.weights[self.best]), failed=self.failed)


def decide_fields(page: FormPage, readings: Sequence[Reading]) -> list[FieldValue]:
    """The value of each field of a page, in order of the readings.

    If a sum holds, the chances of its fields rise, or another candidate is likelier and marked as corrected; if not,
    all that is written in it goes to review. A sum whose total is blank, or with a field that cannot be read, says
    nothing; other blank fields count as 0.
    """
    fields = [_Weighed(reading) for reading in readings]
    columns: dict[str, list[_Weighed]] = {}
    for field in fields:
        columns.setdefault(field.reading.slot.column, []).append(field)
    for rule in page.sums:
        (total,) = columns[rule.total]
        parts = [field for name in rule.of for field in columns[name]]
        if total.reading.candidates is not None and all(field.is_readable for field in parts):
            _weigh(total, parts)
    return [field.decided() for field in fields]


def _weigh(total: _Weighed, parts: Sequence[_Weighed]) -> None:
    """Weigh the candidates of a sum's fields together."""
    fields = [total, *parts]
    decimals = max(decimals_of(field.reading.slot.field) for field in fields)
    numbers = [[field.number(index, decimals) for index in range(len(field.digits))] for field in fields]
    signs = [1] + [-1] * len(parts)  # the sum holds if all of it is 0
    places = [np.array([sign * each % MODULUS for each in row]) for sign, row in zip(signs, numbers, strict=True)]
    holding = _holding(places, [field.weights for field in fields])
    holds = float(holding[0].sum())
    # Of a field's values that are no candidates, one at most completes the others' combination to a sum that holds.
    left_out = sum(field.ceiling for field in fields)
    whole = holds + left_out + SLIP * (1 - holds)
    for field, each in zip(fields, holding, strict=True):
        field.weights = (each + SLIP * (field.weights - each)) / whole
        field.ceiling /= whole
    likeliest = [int(field.weights.argmax()) for field in fields]
    first, *others = (row[index] for row, index in zip(numbers, likeliest, strict=True))
    for field, index in zip(fields, likeliest, strict=True):
        if first == sum(others):
            field.best = index
        else:
            field.failed = True


def _holding(places: Sequence[NDArray[np.int64]], weights: Sequence[Chances]) -> list[Chances]:
    """For each candidate of each field, the chance that it is right and all fields together are 0 modulo MODULUS.

    places: of the candidates' numbers, modulo MODULUS.
    """
    spectra = [
        np.fft.rfft(np.bincount(place, weight, minlength=MODULUS))
        for place, weight in zip(places, weights, strict=True)
    ]
    before = [np.ones_like(spectra[0])]  # the product of the spectra of all fields before each one
    for spectrum in spectra[:-1]:
        before.append(before[-1] * spectrum)
    after = np.ones_like(spectra[0])
    holding: list[Chances] = []
    for index in reversed(range(len(spectra))):
        others = np.fft.irfft(before[index] * after, MODULUS)
        holding.append(weights[index] * np.clip(others[-places[index]], 0, 1))
        after *= spectra[index]
    return holding[::-1]
