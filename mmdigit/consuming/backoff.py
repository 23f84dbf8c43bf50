"""Pauses between retries: they grow to a cap, and vary so that workers do not retry in step."""

import random
from collections.abc import Callable, Iterator

FIRST_PAUSE_S = 0.1


class Backoff(Iterator[float]):
    """Draws each pause, in seconds, from the upper half of a span that doubles from FIRST_PAUSE_S to max_s.

    Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ ("equal jitter").
    """

    def __init__(self, max_s: float, draw: Callable[[], float] = random.random) -> None:
        """draw: uniform in [0, 1)."""
        self._max_s = max_s
        self._draw = draw
        self._span_s = min(FIRST_PAUSE_S, max_s)

    def __next__(self) -> float:
        pause_s = self._span_s * (1 + self._draw()) / 2
        self._span_s = min(2 * self._span_s, self._max_s)
        return pause_s
