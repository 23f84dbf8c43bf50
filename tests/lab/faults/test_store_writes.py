"""The store itself counts its writes: one, two, and across a SIGKILL."""

from collections import Counter
from pathlib import Path

import pytest

from lab.faults.services import Services
from lab.faults.store_writes import install_write_counter, redis_writes, sqlite_problem, sqlite_writes
from lab.kit.records import job_id_of
from mmdigit.transport.urls import open_store
from schemas.prediction import Prediction
from tests.factories import make_prediction

ONCE, TWICE = job_id_of("counted", 1), job_id_of("counted", 2)


def predictions() -> list[Prediction]:
    return [make_prediction(number).model_copy(update={"job_id": job_id_of("counted", number)}) for number in (1, 2)]


def test_sqlite_writes_counts_every_write(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with open_store(f"sqlite:///{path}") as store:
        install_write_counter(path)
        store.put(predictions())
        store.put(predictions()[1:])
    assert sqlite_writes(path) == Counter({ONCE: 1, TWICE: 2})
    assert sqlite_problem(path) == ""


@pytest.mark.docker
def test_redis_writes_counts_across_a_kill(services: Services) -> None:
    services.new_run()
    with open_store(services.store_url) as store:
        store.put(predictions())
    services.restart_store()
    with open_store(services.store_url) as store:
        store.put(predictions()[1:])
    assert redis_writes(services.store, "counted") == Counter({ONCE: 1, TWICE: 2})
    assert redis_writes(services.store, "other") == Counter()
