"""Figures by data set and by the pitch of the voice."""

import numpy as np
import pytest

from mmdigit.training.data.splits import Clip
from mmdigit.training.evaluate.people import People, figures_by_group

SECONDS = np.arange(8000) / 8000


def clip(speaker: str, pitch: float) -> Clip:
    wave = np.sum([np.sin(2 * np.pi * pitch * k * SECONDS) for k in range(1, 6)], axis=0) * float(pitch > 0)
    return Clip(wave.astype(np.float32), 1, "fsdd", speaker, 0)


def test_people_have_one_pitch_each() -> None:
    people = People.of([clip("ann", 210), clip("ann", 0), clip("bob", 100), clip("eve", 0)])
    assert people.names.tolist() == ["fsdd/ann", "fsdd/ann", "fsdd/bob", "fsdd/eve"]
    assert people.pitch_hz[:3] == pytest.approx([210, 210, 100], rel=0.03)
    assert np.isnan(people.pitch_hz[3])
    assert people.select(np.array([2])).join(people.select(np.array([0]))).names.tolist() == ["fsdd/bob", "fsdd/ann"]


def test_figures_of_each_group() -> None:
    people = People(np.array(["a/x", "a/x", "a/x", "b/y", "b/z"]), np.array([100.0, 100, 100, 230, np.nan]))
    correct, accepted = np.array([True, True, False, True, False]), np.array([True, False, True, False, False])
    rows = {row["group"]: row for row in figures_by_group(people, correct, accepted)}
    assert list(rows) == ["all", "a", "b", "voices below 200 Hz", "voices from 200 Hz on"]
    assert rows["all"] == {
        "group": "all",
        "people": 3,
        "clips": 5,
        "accuracy": pytest.approx(0.6),
        "mean_over_people": pytest.approx((2 / 3 + 1 + 0) / 3),
        "accepted": pytest.approx(0.4),
        "wrong_accepted": 1,
    }
    assert (rows["b"]["people"], rows["b"]["accuracy"]) == (2, 0.5)
    assert rows["voices from 200 Hz on"]["clips"] == 1
