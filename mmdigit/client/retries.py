"""Retries: whether and when a request is sent again."""

import random
import time
from collections.abc import Callable

from schemas.errors import ApiError

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0
RETRIED = frozenset({429, 502, 503, 504})
"""Too many requests or jobs; the gateway, or what it needs, is away. 502 and 504 come from a load balancer."""


class Retries:
    """The attempts of one request, within limit_s seconds of the first error."""

    def __init__(
        self,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
        fraction: Callable[[], float] = random.random,  # spreads clients, is no secret
    ) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._fraction = fraction
        self._first_s: float | None = None
        self._opened_s = 0.0
        self._delay_s = FIRST_DELAY_S

    def progress(self) -> None:
        """The request got further: later errors have the whole limit again."""
        self._first_s = None
        self._delay_s = FIRST_DELAY_S

    def opened(self) -> None:
        """A stream has begun."""
        self._opened_s = self._clock()

    def received(self) -> None:
        """The stream brought something. If it has lasted, that is progress; a server may break off each new stream."""
        if self._clock() - self._opened_s >= MAX_DELAY_S:
            self.progress()

    def delay_s(self, error: ApiError) -> float:
        """Seconds to wait before the next attempt. Raises error if another cannot help, or would come too late.

        What the API asks for, or else 0.1 s, doubled each time up to 5 s, of which up to a half is left off at random.
        """
        now_s = self._clock()
        self._first_s = now_s if self._first_s is None else self._first_s
        if error.status is not None and error.status not in RETRIED:
            raise error
        delay_s = error.retry_after_s
        if delay_s is None:
            delay_s = self._delay_s * (1 - self._fraction() / 2)
            self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)
        if now_s + delay_s - self._first_s > self._limit_s:
            raise error
        return delay_s
