"""Some faults on real services, with few injections; `make faults` runs all of them."""

import dataclasses
import random
from pathlib import Path

import pytest

from lab.faults.catalogue import DIGIT_FAULTS
from lab.faults.run import run_fault
from lab.faults.services import Services
from producer.sources.sample import Sample
from tests.lab.faults.conftest import Expected

SEED = 6
SHORT = {
    "worker SIGKILL": 1,
    "worker SIGTERM": 2,
    "Redis SIGKILL and restart": 1,
    "Redis: connection reset midway": 1,
    "SQLite: SIGKILL while it writes": 3,
}

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", SHORT)
def test_run_fault_loses_no_job(
    name: str, services: Services, samples: list[Sample], expected: Expected, tmp_path: Path
) -> None:
    [fault] = [fault for fault in DIGIT_FAULTS if fault.name == name]
    fault = dataclasses.replace(fault, times=SHORT[name], burst=200)
    number = [*SHORT].index(name)
    row = run_fault(fault, services, samples, expected, random.Random(SEED), number, print, tmp_path)  # noqa: S311  not a secret
    assert row.problems == []
    assert (row.lost, row.wrong) == (0, 0)
    assert row.answered + row.dead == row.jobs > 400
    assert 0 < row.dead == pytest.approx(row.jobs / 50, abs=1)
    assert len(row.recoveries_s) == row.times == SHORT[name]
