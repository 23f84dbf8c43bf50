"""The reasons for review, alone and combined, and the confidences from which a head accepts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mmdigit.reading.decision import (
    Probabilities,
    RiskRow,
    Thresholds,
    agreement,
    decide,
    operating_point,
    same_for_all_digits,
    softmax,
)

THRESHOLDS = Thresholds(same_for_all_digits(0.9), same_for_all_digits(0.8), same_for_all_digits(0.7), 0.3, 0.5, 0.6)


def sure(label: int, confidence: float = 0.991) -> Probabilities:
    probabilities = np.full(10, (1 - confidence) / 9)
    probabilities[label] = confidence
    return probabilities


@pytest.mark.parametrize(
    ("image", "audio", "fused", "image_novelty", "audio_novelty", "reasons"),
    [
        (sure(3), None, None, 0.1, None, ()),
        (None, sure(3), None, None, 0.1, ()),
        (sure(3), sure(3), sure(3), 0.1, 0.1, ()),
        (sure(3, 0.89), None, None, 0.1, None, ("low_confidence",)),
        (None, sure(3, 0.79), None, None, 0.1, ("low_confidence",)),
        (sure(3, 0.5), sure(3, 0.5), sure(3), 0.1, 0.1, ()),
        (sure(3), sure(3), sure(3, 0.69), 0.1, 0.1, ("low_confidence",)),
        (sure(3), sure(4), sure(3), 0.1, 0.1, ("conflict",)),
        (sure(3), sure(4), sure(3, 0.6), 0.1, 0.9, ("low_confidence", "conflict", "not_a_digit")),
        (sure(3), None, None, 0.51, None, ("not_a_digit",)),
        (None, sure(3), None, None, 0.61, ("not_a_digit",)),
        (None, sure(3), None, None, 0.6, ()),
    ],
)
def test_decide_states_each_reason(
    image: Probabilities | None,
    audio: Probabilities | None,
    fused: Probabilities | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    reasons: tuple[str, ...],
) -> None:
    expected = ("review" if reasons else "accept", reasons)
    assert decide(image, audio, fused, image_novelty, audio_novelty, THRESHOLDS) == expected


def test_decide_appends_the_reasons_of_the_image() -> None:
    assert decide(sure(3), None, None, 0.1, None, THRESHOLDS, ["several_digits"]) == ("review", ("several_digits",))
    both = decide(sure(3, 0.5), None, None, 0.1, None, THRESHOLDS, ["struck_out"])
    assert both == ("review", ("low_confidence", "struck_out"))


def test_decide_raises_value_error_without_any_head() -> None:
    with pytest.raises(ValueError, match="at least one head"):
        decide(None, None, None, None, None, THRESHOLDS)


@settings(derandomize=True)
@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.2, 1), st.floats(0.2, 1))
def test_agreement_is_a_symmetric_probability(first: int, second: int, one: float, other: float) -> None:
    value = agreement(sure(first, one), sure(second, other))
    assert 0 <= value <= 1 + 1e-12
    assert value == pytest.approx(agreement(sure(second, other), sure(first, one)))


SHARES = st.floats(0, 1)
ROWS = st.lists(st.builds(RiskRow, SHARES, SHARES, SHARES, SHARES), min_size=1, max_size=12)
TARGETS = st.floats(1e-6, 1, exclude_max=True)


@settings(derandomize=True)
@given(ROWS, TARGETS)
def test_operating_point_meets_the_target_if_any_row_does(rows: list[RiskRow], target: float) -> None:
    point = operating_point(rows, target)
    meeting = [row.confidences for row in rows if row.bound <= target]
    assert point.meets_target == bool(meeting)
    assert (point.confidences, point.bound) in {(row.confidences, row.bound) for row in rows}
    if meeting:
        assert point.bound is not None
        assert point.bound <= target
        assert point.confidences == min(meeting)


@settings(derandomize=True)
@given(ROWS, TARGETS, TARGETS)
def test_operating_point_is_stricter_for_a_stricter_target(rows: list[RiskRow], one: float, other: float) -> None:
    stricter, laxer = sorted((one, other))
    assert operating_point(rows, stricter).confidences >= operating_point(rows, laxer).confidences


@pytest.mark.parametrize(
    ("rows", "confidence"),
    [
        ([(0.9, 0.9, 0.02, 0.05), (0.99, 0.6, 0.0, 0.04), (0.999, 0.4, 0.0, 0.07)], 0.99),
        ([(0.9, 0.9, 0.02, 0.05), (0.99, 0.6, 0.0, 0.04), (0.999, 0.4, 0.0, 0.03)], 0.999),
        ([(0.0, 1.0, 0.9, 0.95), (0.99, 0.0, 0.0, 1.0), (0.999, 0.0, 0.0, 1.0)], 0.99),
        ([(0.5, 0.4, 0.0, 0.05), (0.9, 0.2, 0.0, 0.06)], 0.9),
        ([(0.95, 0.9, 0.005, 0.02), (0.995, 0.8, 0.005, 0.021), (0.999, 0.7, 0.005, 0.022)], 0.95),
    ],
    ids=[
        *("confidence is enough", "the lowest bound is stricter", "a useless head", "no confidence is enough"),
        "surer answers compensate for others",
    ],
)
def test_operating_point_falls_back_to_calibrated_confidences(
    rows: list[tuple[float, float, float, float]], confidence: float
) -> None:
    point = operating_point([RiskRow(*row) for row in rows], 0.01)
    assert (point.confidences, point.meets_target) == (same_for_all_digits(confidence), False)


def test_operating_point_by_digit() -> None:
    by_digit = tuple(0.9 if digit == 1 else 0.99 for digit in range(10))
    rows = [RiskRow(by_digit, 0.9, 0.0005, 0.0009), RiskRow(same_for_all_digits(0.999), 0.5, 0.0, 0.0008)]
    point = operating_point(rows, 0.001)
    assert (point.confidences, point.meets_target, point.describe()) == (by_digit, True, "0.9-0.99, by digit")
    assert operating_point(rows, 0.00085).describe() == "0.999"
    thresholds = Thresholds(point.confidences, same_for_all_digits(0.5), same_for_all_digits(0.5), 0.3, 0.5, 0.6)
    assert decide(sure(1, 0.95), None, None, 0.1, None, thresholds) == ("accept", ())
    assert decide(sure(7, 0.95), None, None, 0.1, None, thresholds) == ("review", ("low_confidence",))


LOGITS = arrays(np.float32, (3, 10), elements=st.floats(-50, 50, width=32))


@settings(derandomize=True)
@given(LOGITS, st.floats(0.1, 10))
def test_softmax_keeps_every_label_at_any_temperature(logits: NDArray[np.float32], temperature: float) -> None:
    plain, scaled = softmax(logits), softmax(logits, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    top = np.take_along_axis(scaled, plain.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(top, scaled.max(axis=1))
    surer = scaled.max(axis=1) - plain.max(axis=1)
    assert bool((surer <= 1e-9).all() if temperature >= 1 else (surer >= -1e-9).all())
