"""The check of the gateway tells lost, wrong and doubled jobs apart, and accepts what keeps the promises."""

from collections.abc import Sequence
from pathlib import Path

from lab.faults.gateway_check import GatewayCheck, check_gateway
from mmdigit.transport.urls import dead_letter_url, open_publisher, open_store
from schemas.wire import encode
from tests.factories import make_dead_letter, make_job, make_prediction


def checked(
    folder: Path, published: Sequence[int], answered: Sequence[int], dead: Sequence[int], accepted: Sequence[int]
) -> GatewayCheck:
    """Of jobs of the group g by their numbers; job 9 has an invalid image."""
    url = f"sqlite:///{folder / 'queue.db'}"
    letters = [make_dead_letter(number) for number in dead]
    with open_store(url) as store, open_publisher(url) as jobs, open_publisher(dead_letter_url(url)) as dead_letters:
        for number in published:
            jobs.send(None, encode(make_job(number), "msgpack"))
        jobs.flush(5)
        for letter in letters:
            dead_letters.send(None, encode(letter, "msgpack"))
        dead_letters.flush(5)
        store.put([make_prediction(number) for number in answered])
        store.put_dead_letters(letters)
    expected = [*(make_prediction(number) for number in range(9)), None]
    return check_gateway(url, url, "g", {number: f"job-{number}" for number in accepted}, expected)


def test_check_gateway_accepts_what_keeps_the_promises(tmp_path: Path) -> None:
    assert checked(tmp_path, [0, 1, 1, 9], [0, 1], [9], [0, 1, 9]) == GatewayCheck(2, 1, 1, 0, (), ())


def test_check_gateway_finds_lost_jobs(tmp_path: Path) -> None:
    found = checked(tmp_path, [0, 1], [0], [], [0, 1, 2])
    assert (found.lost, found.wrong) == (("job-1", "job-2"), ())


def test_check_gateway_finds_outcomes_of_the_wrong_kind(tmp_path: Path) -> None:
    found = checked(tmp_path, [0, 1, 9], [1, 9], [0], [0, 1, 9])
    assert (found.lost, found.wrong) == ((), ("job-0", "job-9"))


def test_check_gateway_finds_what_nobody_submitted(tmp_path: Path) -> None:
    assert checked(tmp_path, [0, 1, 2], [0, 1], [], [0]).doubled == 2
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    assert check_gateway(url, url, "g", {0: "job-0", 1: "job-1", 2: "job-1"}, [make_prediction(0)]).doubled == 2
