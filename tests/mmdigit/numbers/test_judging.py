"""A number is accepted only if nothing speaks against it, and each reason is said."""

import pytest

from mmdigit.numbers.judging import LEAST_COUNT_CHANCE, MOST_LEFT_OUT, NO_BAR, Chosen, reasons_of

SURE = Chosen(
    confidence=0.9999,
    count_chance=1.0,
    given=True,
    differs=False,
    cut_ink=0.0,
    left_out=0.0,
    novel=False,
    several_lines=False,
    struck_out=False,
)
BAR = 0.999


def test_a_sure_number_is_accepted() -> None:
    assert reasons_of(SURE, BAR) == ()


def test_no_confidence_reaches_a_bar_of_one() -> None:
    assert reasons_of(SURE._replace(confidence=1.0), NO_BAR) == ("low_confidence",)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"confidence": 0.9}, "low_confidence"),
        ({"given": False}, "count_unclear"),
        ({"differs": True}, "count_differs"),
        ({"count_chance": LEAST_COUNT_CHANCE / 2}, "count_differs"),
        ({"cut_ink": 0.1}, "touching"),
        ({"left_out": 2 * MOST_LEFT_OUT}, "ink_left_out"),
        ({"novel": True}, "not_a_digit"),
        ({"several_lines": True}, "several_lines"),
        ({"struck_out": True}, "struck_out"),
    ],
)
def test_each_doubt_is_a_reason(changed: dict[str, float], reason: str) -> None:
    assert reasons_of(SURE._replace(**changed), BAR) == (reason,)  # type: ignore[arg-type]


def test_doubt_about_digits_and_count_is_said_once_each() -> None:
    doubtful = SURE._replace(confidence=0.4, count_chance=0.6, given=False, cut_ink=0.2)
    assert reasons_of(doubtful, BAR) == ("count_unclear", "low_confidence", "touching")
