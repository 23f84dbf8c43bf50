"""Accepted values are not wrong more often than their chances say, whatever checks them."""

import numpy as np
import pytest

from lab.benchmarks.forms.calibration import SEED, kinds, measure

ONE_BY_ONE, TOGETHER = 1500, 2200


@pytest.mark.parametrize("kind", ["plain", "check digit", "range", "lookup", "sum"])
def test_accepted_values_are_wrong_as_often_as_they_say(kind: str) -> None:
    values = kinds(0.1, np.random.default_rng(SEED))[kind]  # a large target, so that there are errors to count
    result = measure(values, TOGETHER if kind == "sum" else ONE_BY_ONE)
    expected = result["wrong_by_chances"]
    assert result["accepted"] > 300
    assert expected > 0.5
    assert result["wrong"] <= expected + 3 * expected**0.5
    if kind == "plain":
        assert result["wrong"] >= expected - 3 * expected**0.5
