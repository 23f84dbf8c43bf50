"""The temperature: found where it is known, the best one elsewhere, 1 without a wrong answer."""

import numpy as np
import pytest

from mmdigit.reading.decision import softmax
from mmdigit.training.fit.temperature import TEMPERATURES, fit_temperature
from mmdigit.training.measures import ece
from tests.mmdigit.training.logits import drawn


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 4.0])
def test_fit_temperature_finds_the_true_temperature(temperature: float) -> None:
    logits, labels = drawn(20_000, 4.0, 1)
    found = fit_temperature(logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    right = logits.argmax(axis=1) == labels
    assert ece(softmax(logits * temperature, found).max(axis=1), right) < 0.01


def test_fit_temperature_minimizes_the_loss() -> None:
    logits, labels = drawn(500, 2.0, 2)

    def loss(temperature: float) -> float:
        return float(-np.log(softmax(logits, temperature)[np.arange(500), labels]).mean())

    found = fit_temperature(logits, labels)
    assert all(loss(found) <= loss(other) for other in np.geomspace(*TEMPERATURES, 200))


def test_fit_temperature_is_one_without_wrong_answers() -> None:
    logits = np.eye(10)
    assert fit_temperature(logits, np.arange(10)) == 1.0
    assert fit_temperature(np.zeros((0, 10)), np.zeros(0, np.int64)) == 1.0
    assert fit_temperature(logits, (np.arange(10) + 1) % 10) == pytest.approx(TEMPERATURES[1], rel=1e-3)
