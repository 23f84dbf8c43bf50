"""Slow programs take fewer of the jobs; a kill is counted in duplicates and losses."""

import pytest

from lab.benchmarks.peers.__main__ import duplicates_and_losses, job_count
from lab.benchmarks.peers.running import WORKER, Program


@pytest.mark.parametrize(
    ("program", "jobs", "count"),
    [
        (WORKER, 4_000, 4_000),
        (Program("bytewax", "ours"), 4_000, 4_000),
        (Program("bytewax", "own"), 4_000, 1_200),
        (Program("first_loop", "own"), 4_000, 300),
        (Program("first_loop", "own"), 1, 2),
    ],
)
def test_slow_programs_take_fewer_jobs(program: Program, jobs: int, count: int) -> None:
    assert job_count(program, jobs) == count


def test_writes_beyond_the_first_are_duplicates() -> None:
    seen_s = {"a": [1.0], "b": [1.0, 2.0, 3.0], "not asked for": [1.0, 2.0]}
    assert duplicates_and_losses(seen_s, ["a", "b", "c"]) == {"jobs": 3, "duplicates": 2, "lost": 1}
