"""Some faults of the gateway on real services, with few injections; `make faults` runs all of them."""

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.faults.gateway_faults import FAULTS
from lab.faults.gateway_run import run_gateway_fault
from lab.faults.services import Services
from producer.sources.sample import Sample
from schemas.prediction import Answer

SEED = 6
SHORT = {"gateway SIGKILL": 2, "gateway: broker SIGKILL and restart": 1, "gateway: Redis SIGKILL and restart": 1}

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", SHORT)
def test_run_gateway_fault_loses_and_doubles_no_job(
    name: str, services: Services, samples: list[Sample], expected: Sequence[Answer | None], tmp_path: Path
) -> None:
    [fault] = [fault for fault in FAULTS if fault.name == name]
    fault = dataclasses.replace(fault, times=SHORT[name])
    draw = random.Random(SEED)  # noqa: S311  not a secret
    row = run_gateway_fault(fault, services, samples, expected, draw, 0, print, tmp_path)
    assert row.problems == []
    assert (row.lost, row.wrong) == (0, 0)
    assert row.jobs == row.answered + row.dead >= SHORT[name] * fault.burst
    assert row.dead
    if name == "gateway SIGKILL":  # the gateway itself may get over a short outage of the others
        assert row.refused
    assert len(row.recoveries_s) == row.times == SHORT[name]
