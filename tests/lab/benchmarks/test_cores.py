"""One core for the measured process, the others for all else."""

import os
import subprocess
import sys

import pytest

from lab.kit.cores import Cores, find_cores, pinned, running_on

TWO, FOUR, NONE = Cores(0, (1,)), Cores(2, (3, 5, 7)), Cores(None, None)
AFFINITY = "import os; print(os.getpid(), sorted(os.sched_getaffinity(0)))"

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")


@pytest.mark.parametrize(
    ("cores", "count", "expected"),
    [(TWO, 1, [0]), (TWO, 2, [0, 1]), (TWO, 3, [0, 1, 0]), (FOUR, 2, [2, 3]), (NONE, 2, [None, None])],
)
def test_each_worker_has_a_core(cores: Cores, count: int, expected: list[int | None]) -> None:
    assert cores.workers(count) == expected


def test_the_note_says_who_runs_where() -> None:
    assert FOUR.cpus == "3,5,7"
    assert "core 2" in FOUR.note
    assert "3,5,7" in FOUR.note
    assert NONE.cpus is None
    assert "nothing is pinned" in NONE.note


@needs_affinity
def test_the_thread_gets_its_cores_back() -> None:
    before = os.sched_getaffinity(0)
    with running_on([max(before)]):
        assert os.sched_getaffinity(0) == {max(before)}
    assert os.sched_getaffinity(0) == before
    with running_on(None):
        assert os.sched_getaffinity(0) == before


@needs_affinity
def test_with_one_core_nothing_is_pinned() -> None:
    with running_on([min(os.sched_getaffinity(0))]):
        assert find_cores() == NONE


@needs_affinity
def test_what_is_pinned_runs_there_and_keeps_its_process_id() -> None:
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen(pinned([sys.executable, "-c", AFFINITY], core), stdout=subprocess.PIPE, text=True) as child:
        said, _ = child.communicate()
    assert said.strip() == f"{child.pid} [{core}]"
    assert pinned(["a", "b"], None) == ["a", "b"]
