"""Temperatures, tables and thresholds follow from held-out logits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.reading.decision import Head, RiskRow, agreement, operating_point, softmax
from mmdigit.reading.error_bounds import error_bound
from mmdigit.training.evaluate.held_out import HeldOutLogits
from mmdigit.training.release.calibration import (
    CONFIDENCES,
    CONFLICT_FALSE_ALARMS,
    COVERAGES_BY_DIGIT,
    NOVELTY_FALSE_ALARMS,
    conflict_limit,
    novelty_threshold,
    risk_by_digit,
    risk_table,
)
from tests.mmdigit.training.logits import drawn

SAME: dict[Head, float] = {"image": 1.0, "audio": 1.0, "fused": 1.0}


def test_risk_table_counts_accepted_answers() -> None:
    logits, labels = drawn(3000, 6.0, 3)
    table = risk_table(HeldOutLogits(logits.astype(np.float32), labels, "drawn"), 1.5)
    assert (table["split"], table["total"], len(table["rows"])) == ("drawn", 3000, len(CONFIDENCES))
    probabilities = softmax(logits, 1.5)
    for row in table["rows"]:
        taken = probabilities.max(axis=1) >= row["confidence"]
        assert row["coverage"] == pytest.approx(taken.mean(), abs=1e-3)
        wrong = (probabilities.argmax(axis=1) != labels)[taken]
        assert row["error"] == pytest.approx(wrong.mean() if wrong.size else 0, abs=1e-3)
        assert row["bound"] > row["error"]
    shown = operating_point([RiskRow(**row) for row in table["rows"]], 0.02)
    assert shown.meets_target
    assert 0 < shown.confidences[0] < 0.99999


def test_risk_by_digit_accepts_the_same_share_of_every_digit() -> None:
    logits, labels = drawn(5000, 6.0, 4)
    logits[:, 1] *= 0.6  # read as rightly as others, and never as surely
    held_out = HeldOutLogits(logits.astype(np.float32), logits.argmax(axis=1), "drawn")
    held_out.labels[::50] = labels[::50]
    probabilities = softmax(held_out.logits)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    for share, row in zip(COVERAGES_BY_DIGIT, risk_by_digit(held_out, 1.0), strict=True):
        accepted = confidence >= np.array(row["confidence"])[answers]
        for digit in range(10):
            own = accepted[answers == digit].mean()
            assert own == pytest.approx(share, abs=0.01) or min(confidence[accepted & (answers == digit)]) < 0.51
        wrong = answers[accepted] != held_out.labels[accepted]
        assert (row["coverage"], row["error"]) == pytest.approx((accepted.mean(), wrong.mean()), abs=1e-6)
        assert row["bound"] == pytest.approx(error_bound(int(wrong.sum()), wrong.size), abs=1e-6)


def test_risk_by_digit_never_accepts_a_digit_without_answers() -> None:
    logits = 5 * np.eye(10, dtype=np.float32)[np.arange(900) % 9]
    rows = risk_by_digit(HeldOutLogits(logits, logits.argmax(axis=1), "drawn"), 1.0)
    assert all(row["confidence"][9] == 1 for row in rows)


def alike(count: int, wrong: int, seed: int) -> HeldOutLogits:
    """Sure answers, of which the first ones are wrong, as sure as the others."""
    labels = np.random.default_rng(seed).integers(0, 10, count)
    answers = labels.copy()
    answers[:wrong] = (labels[:wrong] + 1) % 10
    logits = np.random.default_rng(seed + 1).normal(0, 0.5, (count, 10)) + 6 * np.eye(10)[answers]
    return HeldOutLogits(logits.astype(np.float32), labels, "made up")


def test_conflict_limit_is_one_if_labels_rarely_differ() -> None:
    limit, found = conflict_limit(alike(2000, 4, 0), alike(500, 1, 5), SAME, np.random.default_rng(0))
    assert limit == 1.0
    assert found["detected"] > 0.99
    assert 0 < found["false_alarms"] <= CONFLICT_FALSE_ALARMS


def test_conflict_limit_keeps_the_false_alarm_rate() -> None:
    image, audio = alike(2000, 20, 0), alike(500, 25, 5)
    limit, found = conflict_limit(image, audio, SAME, np.random.default_rng(0))
    assert 0 < limit < 1
    assert 0.005 < found["false_alarms"] <= CONFLICT_FALSE_ALARMS
    image_probabilities, audio_probabilities = softmax(image.logits), softmax(audio.logits)
    pairs = [(row, column) for row in range(200) for column in range(200)]
    below = [
        agreement(image_probabilities[row], audio_probabilities[column]) < limit
        and image_probabilities[row].argmax() != audio_probabilities[column].argmax()
        for row, column in pairs
        if image.labels[row] != audio.labels[column]
    ]
    assert np.mean(below) == pytest.approx(found["detected"], abs=0.2)


def test_novelty_threshold_is_at_least_one_half() -> None:
    assert novelty_threshold(np.full(100, 0.01)) == 0.5
    assert 0.9 < novelty_threshold(np.linspace(0, 1, 1000)) < 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_novelty_threshold_keeps_the_false_alarm_rate(novelty: list[float]) -> None:
    assert (np.array(novelty) > novelty_threshold(np.array(novelty))).mean() <= NOVELTY_FALSE_ALARMS
