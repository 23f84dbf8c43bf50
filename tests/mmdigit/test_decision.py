"""Accept or review: each reason alone, and together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdigit.decision import Probabilities, Thresholds, agreement, decide

THRESHOLDS = Thresholds(0.9, 0.8, 0.7, 0.3, 0.5, 0.6)


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
def test_each_reason(
    image: Probabilities | None,
    audio: Probabilities | None,
    fused: Probabilities | None,
    image_novelty: float | None,
    audio_novelty: float | None,
    reasons: tuple[str, ...],
) -> None:
    expected = ("review" if reasons else "accept", reasons)
    assert decide(image, audio, fused, image_novelty, audio_novelty, THRESHOLDS) == expected


def test_no_answer_at_all_is_the_caller_s_mistake() -> None:
    with pytest.raises(ValueError, match="at least one head"):
        decide(None, None, None, None, None, THRESHOLDS)


@settings(derandomize=True)
@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.2, 1), st.floats(0.2, 1))
def test_agreement_is_a_probability_and_alike_both_ways(first: int, second: int, one: float, other: float) -> None:
    value = agreement(sure(first, one), sure(second, other))
    assert 0 <= value <= 1 + 1e-12
    assert value == pytest.approx(agreement(sure(second, other), sure(first, one)))
