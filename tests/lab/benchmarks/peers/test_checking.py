"""Answers in the store are compared with the predictor's, the worker's and the peers' alike."""

from pathlib import Path

import pytest

from lab.benchmarks.peers.checking import answers_in, require_answers
from lab.benchmarks.peers.running import WORKER
from lab.kit.answers import LabelAndConfidence
from mmdigit.transport.urls import open_store
from schemas.errors import StoreError
from tests.factories import SURE, make_prediction

JOBS = ["job-0", "job-1", "job-2"]


def store_with(folder: Path, count: int) -> str:
    url = f"sqlite:///{folder / 'store.db'}"
    with open_store(url) as store:
        store.put([make_prediction(number, label=7) for number in range(count)])
    return url


def test_the_workers_answers_are_read_and_compared(tmp_path: Path) -> None:
    url = store_with(tmp_path, 3)
    require_answers(WORKER, url, JOBS, [LabelAndConfidence(7, SURE)])
    with pytest.raises(StoreError, match=r"got 1 of 3 missing or different, the first of job-1"):
        require_answers(WORKER, url, JOBS, [LabelAndConfidence(label, SURE) for label in (7, 1, 7)])


def test_a_missing_answer_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"got 1 of 3 missing"):
        require_answers(WORKER, store_with(tmp_path, 2), JOBS, [LabelAndConfidence(7, SURE)])


def test_a_peers_answers_are_its_json() -> None:
    values = {"a": b'{"label": 7, "confidence": 0.9, "more": null}', "b": None}
    assert answers_in(values) == {"a": LabelAndConfidence(7, 0.9)}
