"""Some faults of the page worker on real services, with one injection each; `make faults` runs all of them."""

import dataclasses
import random
from pathlib import Path

import pytest

from lab.faults.page_faults import FAULTS
from lab.faults.page_run import run_page_fault
from lab.faults.services import Services

SEED = 6
SHORT = ("page worker SIGKILL", "page worker: PostgreSQL SIGKILL and restart")
BURST = 24

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", SHORT)
def test_run_page_fault_loses_no_page(name: str, services: Services, tmp_path: Path) -> None:
    [fault] = [fault for fault in FAULTS if fault.name == name]
    fault = dataclasses.replace(fault, times=1, burst=BURST)
    row = run_page_fault(fault, services, random.Random(SEED), print, tmp_path)  # noqa: S311  not a secret
    assert row.problems == []
    assert (row.lost, row.wrong) == (0, 0)
    assert (row.jobs, row.answered, row.dead) == (BURST, BURST - 2, 2)
    assert len(row.recoveries_s) == row.times == 1
