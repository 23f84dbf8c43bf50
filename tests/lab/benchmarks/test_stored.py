"""Storing and reading, packed and as JSON: both measured on a real Redis, neither much dearer than the other."""

import pytest

from lab.benchmarks.footprint import predictions
from lab.benchmarks.stored import AS_JSON, STEPS, compare
from lab.kit.records import read_samples


@pytest.mark.docker
@pytest.mark.timeout(120)
def test_both_forms_are_measured_and_cost_about_the_same(redis_url: str) -> None:
    found = compare(redis_url, list(predictions(read_samples(None, 40), 1500)), turns=3)
    assert set(found) == set(AS_JSON)
    assert all(found[form][step]["min"] >= 0 for form in AS_JSON for step in (*STEPS, "all"))
    assert 0 < found["packed"]["all"]["min"] < 1.5 * found["JSON"]["all"]["min"]
