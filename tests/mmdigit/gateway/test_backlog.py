"""Backlog: the age of the oldest job that has no outcome, by a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdigit.gateway.backlog import FORGOTTEN_AFTER_S, MAX_PROBES, OVERTAKEN_S, Backlog
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from tests.factories import make_dead_letter, make_prediction


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PredictionStore]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", feed_length=1000) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_backlog_without_jobs_is_none(store: PredictionStore, clock: Clock) -> None:
    backlog = Backlog(clock)
    backlog.look(store)
    assert backlog.seconds == 0


@pytest.mark.parametrize("dead", [False, True])
def test_backlog_is_the_age_of_the_oldest_open_job(store: PredictionStore, clock: Clock, dead: bool) -> None:
    backlog = Backlog(clock)
    for number in range(3):
        backlog.sent(f"job-{number}")
        clock.now_s += 10
    assert backlog.seconds == 30
    for number, seconds in enumerate((30, 20, 10)):
        backlog.look(store)
        assert backlog.seconds == seconds
        if dead:
            store.put_dead_letters([make_dead_letter(number)])
        else:
            store.put([make_prediction(number)])
    backlog.look(store)
    assert backlog.seconds == 0


def test_one_job_a_second_is_a_probe(store: PredictionStore, clock: Clock) -> None:
    backlog = Backlog(clock)
    backlog.sent("job-0")
    clock.now_s += 0.5
    backlog.sent("job-1")
    clock.now_s += 0.5
    backlog.sent("job-2")
    store.put([make_prediction(0), make_prediction(2)])
    backlog.look(store)
    assert backlog.seconds == 0


def test_lost_job_is_forgotten(store: PredictionStore, clock: Clock) -> None:
    backlog = Backlog(clock)
    backlog.sent("job-0")
    clock.now_s += FORGOTTEN_AFTER_S
    backlog.look(store)
    assert backlog.seconds == FORGOTTEN_AFTER_S
    clock.now_s += 1
    backlog.look(store)
    assert backlog.seconds == 0


def test_overtaken_job_is_forgotten(store: PredictionStore, clock: Clock) -> None:
    backlog = Backlog(clock)
    backlog.sent("job-0")
    clock.now_s += OVERTAKEN_S + 1
    backlog.sent("job-1")
    backlog.look(store)
    assert backlog.seconds > OVERTAKEN_S
    store.put([make_prediction(1)])
    backlog.look(store)
    assert backlog.seconds == 0


def test_probes_are_bounded(store: PredictionStore, clock: Clock) -> None:
    """Also while the store is away, so that nobody looks."""
    backlog = Backlog(clock)
    for number in range(2 * MAX_PROBES):
        backlog.sent(f"job-{number}")
        clock.now_s += 1
    assert backlog.seconds == 2 * MAX_PROBES
    backlog.look(store)
    assert backlog.seconds == 2 * MAX_PROBES
    backlog.sent("job-x")
    backlog.look(store)
    assert backlog.seconds == 2 * MAX_PROBES - 1
