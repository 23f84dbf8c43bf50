"""Waiting in tests: until something is so, with a limit that catches hangs, instead of sleeping for long enough."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

HANGS_AFTER_S = 120.0
"""No wait takes this long on a machine that others keep busy too."""


def until(look: Callable[[], Value], what: str, *, timeout_s: float = HANGS_AFTER_S, pause_s: float = 0.02) -> Value:
    """The first true value of look(). Fails the test when there is none within timeout_s."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := look()):
        if time.monotonic() >= deadline_s:
            raise AssertionError(f"expected {what} within {timeout_s} s; last seen: {value!r}")
        time.sleep(pause_s)
    return value
