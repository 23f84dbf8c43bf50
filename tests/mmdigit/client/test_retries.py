"""Retries: what is sent again, when, and for how long."""

from contextlib import suppress

import pytest

from mmdigit.client.retries import FIRST_DELAY_S, MAX_DELAY_S, RETRIED, Retries
from schemas.errors import ApiError


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def error(status: int | None = 503, retry_after_s: float | None = None) -> ApiError:
    return ApiError(status, "title", "detail", retry_after_s)


def delays(retries: Retries, clock: Clock, failure: ApiError) -> list[float]:
    """Every pause until it gives up."""
    found: list[float] = []
    with suppress(ApiError):
        while True:
            found.append(retries.delay_s(failure))
            clock.now_s += found[-1]
    return found


def test_delays_double_up_to_a_limit() -> None:
    clock = Clock()
    found = delays(Retries(60, clock, lambda: 0.0), clock, error(None))
    assert found[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert max(found) == MAX_DELAY_S
    assert 60 - MAX_DELAY_S < sum(found) <= 60


def test_delays_differ_between_clients() -> None:
    assert Retries(60, Clock(), lambda: 1.0).delay_s(error()) == FIRST_DELAY_S / 2


def test_wish_of_the_api_comes_first() -> None:
    clock = Clock()
    assert delays(Retries(60, clock), clock, error(429, 25)) == [25, 25]


def test_limit_counts_from_the_first_error() -> None:
    clock = Clock()
    retries = Retries(60, clock)
    clock.now_s += 1000
    assert retries.delay_s(error(503, 50)) == 50
    clock.now_s += 50
    retries.progress()
    assert retries.delay_s(error(503, 50)) == 50


def test_stream_that_lasts_ends_an_outage() -> None:
    clock = Clock()
    retries = Retries(60, clock)
    for _ in range(3):
        assert retries.delay_s(error(503, 50)) == 50
        clock.now_s += 50
        retries.opened()
        clock.now_s += MAX_DELAY_S
        retries.received()


def test_streams_that_break_off_are_an_outage() -> None:
    clock = Clock()
    retries = Retries(60, clock)
    assert retries.delay_s(error(503, 50)) == 50
    clock.now_s += 50
    retries.opened()
    retries.received()
    with pytest.raises(ApiError):
        retries.delay_s(error(503, 50))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 500])
def test_refused_requests_are_not_repeated(status: int) -> None:
    failure = error(status, 1)
    with pytest.raises(ApiError) as raised:
        Retries(60, Clock()).delay_s(failure)
    assert raised.value is failure


def test_unreachable_apis_are_tried_again() -> None:
    assert all(Retries(60, Clock()).delay_s(error(status)) > 0 for status in (None, *RETRIED))
