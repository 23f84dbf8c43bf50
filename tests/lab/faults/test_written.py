"""Writes are counted by the store itself: once, twice, and across a SIGKILL."""

from collections import Counter
from pathlib import Path

import pytest

from lab.faults.services import Services
from lab.faults.written import count_writes, problem_of_file, written_in_file, written_in_redis
from lab.kit.records import job_id_of
from mmdigit.transport.urls import open_store
from schemas.prediction import Prediction
from tests.factories import make_prediction

ONCE, TWICE = job_id_of("counted", 1), job_id_of("counted", 2)


def predictions() -> list[Prediction]:
    return [make_prediction(number).model_copy(update={"job_id": job_id_of("counted", number)}) for number in (1, 2)]


def test_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with open_store(f"sqlite:///{path}") as store:
        count_writes(path)
        store.put(predictions())
        store.put(predictions()[1:])
    assert written_in_file(path) == Counter({ONCE: 1, TWICE: 2})
    assert problem_of_file(path) == ""


@pytest.mark.docker
@pytest.mark.timeout(120)
def test_in_redis(services: Services) -> None:
    services.fresh()
    with open_store(services.store_url) as store:
        store.put(predictions())
    services.store.kill()
    services.store.start()
    services.await_store()
    with open_store(services.store_url) as store:
        store.put(predictions()[1:])
    assert written_in_redis(services.store, "counted") == Counter({ONCE: 1, TWICE: 2})
    assert written_in_redis(services.store, "other") == Counter()
