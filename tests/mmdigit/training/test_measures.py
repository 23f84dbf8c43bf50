"""The statistics of the evaluation, against known values and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.training.measures import (
    alarm_limit,
    auroc,
    auroc_interval,
    clustered_bootstrap,
    detection_at_false_alarms,
    ece,
    error_at_coverage,
    reliability,
    risk_coverage,
    two_way_bootstrap,
    wilson,
)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Expected values: R 4.3, prop.test(right, total, correct = FALSE).
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962), (9943, 10000, 0.99262, 0.99560)],
)
def test_wilson(right: int, total: int, low: float, high: float) -> None:
    assert wilson(right, total) == pytest.approx((low, high), abs=1e-4)


def test_measures_refuse_empty_input() -> None:
    nothing, no_answers = np.zeros(0), np.zeros(0, bool)
    with pytest.raises(ValueError, match="got none"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="got none"):
        two_way_bootstrap([np.zeros((0, 3), bool)])
    with pytest.raises(ValueError, match="got none"):
        clustered_bootstrap(no_answers, nothing)
    with pytest.raises(ValueError, match="got none"):
        ece(nothing, no_answers)
    with pytest.raises(ValueError, match="got none"):
        risk_coverage(nothing, no_answers)
    with pytest.raises(ValueError, match="got none"):
        error_at_coverage(nothing, no_answers)
    with pytest.raises(ValueError, match="got 1 and 2"):
        auroc_interval(np.zeros(1), np.zeros(2))
    with pytest.raises(ValueError, match="got 0 and 2"):
        detection_at_false_alarms(nothing, np.zeros(2))


def test_two_way_bootstrap_contains_the_accuracy_and_is_seeded() -> None:
    right = np.random.default_rng(0).random((40, 30)) < 0.9
    low, high = two_way_bootstrap([right, right])
    assert low < right.mean() < high
    assert two_way_bootstrap([right, right]) == (low, high)
    assert two_way_bootstrap([np.ones((5, 5), bool)]) == (1.0, 1.0)


def test_two_way_bootstrap_is_wider_for_one_bad_clip() -> None:
    clustered, scattered = np.ones((50, 10), bool), np.ones((50, 10), bool)
    clustered[:, 0] = False
    random = np.random.default_rng(1)
    scattered.ravel()[random.choice(500, 50, replace=False)] = False
    widths = [high - low for low, high in (two_way_bootstrap([clustered]), two_way_bootstrap([scattered]))]
    assert widths[0] > 2 * widths[1]


def test_two_way_bootstrap_of_a_gain() -> None:
    first, second = np.ones((60, 20), bool), np.ones((60, 20), bool)
    second[:30, :10] = False
    gain = first.astype(int) - second.astype(int)
    low, high = two_way_bootstrap([gain])
    assert 0 < low < 0.25 < high
    assert two_way_bootstrap([-gain]) == pytest.approx((-high, -low))


def test_clustered_bootstrap_of_singletons_agrees_with_wilson() -> None:
    right = np.arange(2000) % 20 != 0
    assert clustered_bootstrap(right, np.arange(2000)) == pytest.approx(wilson(1900, 2000), abs=3e-3)


def test_clustered_bootstrap_is_wider_for_one_bad_speaker() -> None:
    speakers = np.repeat(np.arange(6), 50)
    bad_speaker, scattered = speakers != 3, np.arange(300) % 6 != 0
    low, high = clustered_bootstrap(bad_speaker, speakers)
    assert low <= 0.667
    assert high == 1.0
    assert clustered_bootstrap(scattered, speakers)[0] > 0.8


def test_auroc() -> None:
    assert auroc(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1
    assert auroc(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0
    assert auroc(np.array([0.5]), np.array([0.5])) == 0.5


def test_auroc_interval_covers_the_truth_in_95_of_100_cases() -> None:
    random = np.random.default_rng(3)
    truth = 0.7602499  # of two normal distributions one apart: Phi(1 / sqrt 2)
    covered = 0
    for _ in range(300):
        low, high = auroc_interval(random.normal(size=40), random.normal(1, 1, 200))
        covered += low <= truth <= high
    assert 0.9 < covered / 300 < 0.99


def test_ece_is_zero_if_calibrated_and_else_the_overconfidence() -> None:
    confidence = np.repeat([0.25, 0.75], 100)
    right = np.concatenate([np.arange(100) < 25, np.arange(100) < 75])
    assert ece(confidence, right) == pytest.approx(0)
    assert ece(np.full(100, 0.99), np.arange(100) < 60) == pytest.approx(0.39)
    # Two bins of opposite error: their sizes weigh them.
    assert ece(np.repeat([0.3, 0.9], [30, 10]), np.repeat([True, False], [30, 10])) == pytest.approx(0.75)


def test_reliability_rows_are_the_bins_that_hold_answers() -> None:
    rows = reliability(np.array([0.0, 0.05, 0.5, 1.0]), np.array([False, True, True, True]), bins=10)
    assert [(row["low"], row["high"], row["total"], row["accuracy"]) for row in rows] == [
        (0.0, 0.1, 2, 0.5),
        (0.4, 0.5, 1, 1.0),
        (0.9, 1.0, 1, 1.0),
    ]


def test_risk_coverage_at_given_confidences() -> None:
    confidence = np.array([0.5, 0.9, 0.6, 0.99])
    right = np.array([False, True, False, True])
    rows = risk_coverage(confidence, right, bounds=[0.95, 0.55, 0.0, 0.999])
    assert [(row["confidence"], row["coverage"], row["error"]) for row in rows] == [
        (0.0, 1.0, 0.5),
        (0.55, 0.75, pytest.approx(1 / 3)),
        (0.95, 0.25, 0.0),
        (0.999, 0.0, 0.0),
    ]
    assert rows[-1]["bound"] == 1.0
    assert rows[2]["bound"] == pytest.approx(0.95)


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9, 0.99]), st.booleans()), min_size=1, max_size=60))
def test_risk_coverage_rows_hold_for_random_answers(answers: list[tuple[float, bool]]) -> None:
    confidence = np.array([sure for sure, _ in answers])
    right = np.array([hit for _, hit in answers])
    rows = risk_coverage(confidence, right)
    assert rows[0]["coverage"] == 1.0
    for row in rows:
        taken = confidence >= row["confidence"]
        assert row["coverage"] == pytest.approx(taken.mean())
        assert row["error"] == pytest.approx(1 - right[taken].mean())
        assert row["error"] <= row["bound"] <= 1


def test_error_at_coverage() -> None:
    confidence = np.linspace(0, 1, 200)
    right = np.ones(200, bool)
    right[[0, 1, 150]] = False  # the two least sure are left out at 99 %
    assert error_at_coverage(confidence, right) == pytest.approx(1 / 198)
    assert error_at_coverage(confidence, right, 1.0) == pytest.approx(3 / 200)
    assert error_at_coverage(np.ones(4), np.array([True, True, True, False]), 0.5) == 0.25


def test_detection_at_false_alarms() -> None:
    same = np.arange(200) / 200
    assert alarm_limit(same, 0.01) == pytest.approx(0.01)
    assert (same < alarm_limit(same, 0.01)).mean() == pytest.approx(0.01)
    assert detection_at_false_alarms(same, np.array([0.0, 0.005, 0.5, 0.6])) == 0.5
    assert detection_at_false_alarms(np.ones(10), np.array([0.9, 1.0])) == 0.5  # ties raise no alarm
    assert detection_at_false_alarms(same, same, rate=1.0) == 1.0
