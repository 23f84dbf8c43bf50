"""The check tells lost jobs from wrong ones, and accepts what keeps the promises."""

from pathlib import Path

from lab.faults.check import TOLERANCE, check
from lab.kit.records import job_id_of
from mmdigit.transport.urls import dead_letter_url, open_publisher, open_store
from schemas.prediction import Prediction
from schemas.wire import encode
from tests.factories import make_dead_letter, make_prediction


def prediction(number: int, label: int | None = None) -> Prediction:
    return make_prediction(number, label=label).model_copy(update={"job_id": job_id_of("g", number)})


def checked(tmp_path: Path, stored: list[Prediction], dead: list[int], acknowledged: list[int]) -> tuple[object, ...]:
    """The numbers of lost and of wrong jobs; jobs 9, 19, ... have an invalid image."""
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with open_store(url) as store, open_publisher(dead_letter_url(url)) as publisher:
        store.put(stored)
        for number in dead:
            letter = make_dead_letter(number).model_copy(update={"job_id": job_id_of("g", number)})
            publisher.send(None, encode(letter, "msgpack"))
        publisher.flush(5)
    expected = [*(make_prediction(number) for number in range(9)), None]
    found = check(url, url, "g", acknowledged, expected)
    return tuple(sorted(int(job_id[-10:]) for job_id in ids) for ids in (found.lost, found.wrong))


def test_check_accepts_the_expected_outcomes(tmp_path: Path) -> None:
    stored = [prediction(number) for number in range(9)]
    assert checked(tmp_path, stored, [9], list(range(10))) == ([], [])


def test_check_finds_acknowledged_jobs_without_an_outcome(tmp_path: Path) -> None:
    stored = [prediction(number) for number in range(8)]
    assert checked(tmp_path, stored, [], list(range(10))) == ([8, 9], [])


def test_check_ignores_jobs_that_were_not_acknowledged(tmp_path: Path) -> None:
    assert checked(tmp_path, [prediction(0)], [], [0]) == ([], [])


def test_check_finds_answers_that_differ_from_offline(tmp_path: Path) -> None:
    off = prediction(1)
    off = off.model_copy(update={"probabilities": (off.probabilities[0] + 2 * TOLERANCE, *off.probabilities[1:])})
    near = prediction(2)
    near = near.model_copy(update={"probabilities": (near.probabilities[0] + TOLERANCE / 2, *near.probabilities[1:])})
    assert checked(tmp_path, [prediction(0, label=3), off, near], [], [0, 1, 2]) == ([], [0, 1])


def test_check_finds_outcomes_of_the_wrong_kind(tmp_path: Path) -> None:
    assert checked(tmp_path, [prediction(1), prediction(9)], [0, 1], [0, 1, 9]) == ([], [0, 1, 9])
