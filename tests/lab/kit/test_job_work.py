"""How much work a job takes in each part, counted in calls: a bound that needs no quiet machine.

Each bound is a tenth above what was counted on CPython 3.11. Raise one only for a reason that the commit states, with
the instructions before and after (python -m lab.benchmarks.instructions).
"""

import gc
import sys
from types import FrameType

import pytest

from lab.kit.job_work import Part, inputs_of, parts_of
from lab.kit.records import read_samples

CALLS_A_JOB = {
    "turn": 301,
    "turn, cells": 222,
    "poll": 54,
    "parse": 17,
    "decode": 92,
    "decode, cells": 29,
    "decode, crops": 1800,
    "answer": 44,
    "struck out": 5,
    "make": 17,
    "store": 70,
}
"""The most calls of Python and C functions."""


@pytest.fixture(scope="module")
def parts() -> dict[str, tuple[int, Part]]:
    return parts_of(inputs_of(read_samples(None, 100)))


def count_calls(part: Part) -> int:
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    part()  # fills caches
    gc.disable()  # no finalizers at random moments
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        part()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


@pytest.mark.parametrize("name", CALLS_A_JOB)
def test_calls_a_job_stay_within_their_bound(name: str, parts: dict[str, tuple[int, Part]]) -> None:
    jobs, part = parts[name]
    assert count_calls(part) / jobs <= CALLS_A_JOB[name]


def test_every_part_has_a_bound(parts: dict[str, tuple[int, Part]]) -> None:
    assert parts.keys() == CALLS_A_JOB.keys()
