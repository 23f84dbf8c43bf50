"""Pace: answers a second, latency and what is for review, by clocks that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from mmdigit.gateway.watch.pace import RATE_S, STEP, WINDOW_S, Pace
from schemas.prediction import Prediction
from schemas.watch import AnswerPace
from tests.factories import make_prediction

BEGIN = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Time:
    """Both clocks, which move together."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def clock(self) -> float:
        return 1000.0 + self.passed_s

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.passed_s)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> Pace:
    return Pace(time.now, time.clock)


def answer(time: Time, latency_s: float, **changes: object) -> Prediction:
    """An answer that comes now."""
    made = make_prediction(1)
    created = time.now() - timedelta(seconds=latency_s)
    return made.model_copy(update={"timings": made.timings.model_copy(update={"created_at": created}), **changes})


def test_pace_without_answers_is_none(pace: Pace) -> None:
    assert pace.told() == AnswerPace(window_s=0, answers=0, per_s=0, review=0)


def test_answers_a_second_are_those_of_the_last_seconds(pace: Pace, time: Time) -> None:
    for _ in range(30):
        pace.saw([answer(time, 0.1)] * 20)
        time.passed_s += 1
    assert pace.told().per_s == pytest.approx(20)
    assert pace.told().answers == 600
    time.passed_s += RATE_S
    assert pace.told().per_s == 0
    assert pace.told().answers == 600


def test_first_seconds_are_not_divided_by_more(pace: Pace, time: Time) -> None:
    time.passed_s = 2.0
    pace.saw([answer(time, 0.1)] * 10)
    assert pace.told().per_s == pytest.approx(5)
    assert pace.told().window_s == 2


def test_minute_forgets_what_came_before_it(pace: Pace, time: Time) -> None:
    pace.saw([answer(time, 9.0, decision="review")])
    time.passed_s = WINDOW_S + 1.0
    pace.saw([answer(time, 0.1)])
    told = pace.told()
    assert (told.answers, told.review, told.window_s) == (1, 0, WINDOW_S)


def test_latency_is_within_a_step(pace: Pace, time: Time) -> None:
    pace.saw([answer(time, number / 100) for number in range(1, 101)])
    told = pace.told()
    assert told.p50_s is not None
    assert told.p95_s is not None
    assert 0.5 <= told.p50_s <= 0.5 * STEP + 0.01
    assert 0.95 <= told.p95_s <= 0.95 * STEP + 0.01


def test_clock_that_is_ahead_gives_no_negative_latency(pace: Pace, time: Time) -> None:
    pace.saw([answer(time, -3.0)])
    assert pace.told().p50_s == 0.001


def test_review_is_counted(pace: Pace, time: Time) -> None:
    pace.saw([answer(time, 0.1), answer(time, 0.1, decision="review")])
    assert (pace.told().answers, pace.told().review) == (2, 1)


def test_start_forgets_everything(pace: Pace, time: Time) -> None:
    pace.saw([answer(time, 0.1)])
    time.passed_s = 5.0
    pace.start()
    assert pace.told() == AnswerPace(window_s=0, answers=0, per_s=0, review=0)
