"""Waiting for a condition with a limit that catches hangs, in place of sleeping for long enough."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

HANGS_AFTER_S = 600.0
"""Longer than any wait takes, even on a busy machine."""


def until(look: Callable[[], T], what: str, *, timeout_s: float = HANGS_AFTER_S, pause_s: float = 0.02) -> T:
    """The first true value of look(). Raises AssertionError if there is none in time."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := look()):
        if time.monotonic() >= deadline_s:
            raise AssertionError(f"expected {what} within {timeout_s:g} s, got {value!r}")
        time.sleep(pause_s)
    return value


def wait_for_count(
    count: Callable[[], int], target: int, *, stalled_after_s: float, deadline_s: float | None = None
) -> int:
    """The count when it reaches the target, has stopped growing, or the deadline (time.monotonic) has passed."""
    highest, since_s = -1, time.monotonic()
    while True:
        current, now_s = count(), time.monotonic()
        if current > highest:
            highest, since_s = current, now_s
        if current >= target or now_s - since_s > stalled_after_s or (deadline_s is not None and now_s >= deadline_s):
            return current
        time.sleep(0.02)


def happens_within(timeout_s: float, look: Callable[[], bool], pause_s: float = 0.1) -> bool:
    """Whether look() becomes true in time."""
    deadline_s = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(pause_s)
    return True
