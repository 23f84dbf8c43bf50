"""Waits at the start for a topic that is still to be made."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import TopicError
from worker.backoff import Backoff

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0

Opened = TypeVar("Opened")


def when_there(
    open_topic: Callable[[], Opened],
    wait_s: float,
    waiting_for: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Opened:
    """What open_topic returns, tried again while the topic is missing and wait_s seconds are not over.

    waiting_for: told what is waited for, and "" when it is there. Raises what open_topic raises; TopicError once the
    time is over.
    """
    pauses_s = Backoff(LONGEST_PAUSE_S)
    deadline_s = clock() + wait_s
    told = False
    while True:
        try:
            opened = open_topic()
        except TopicError as error:
            if clock() >= deadline_s:
                raise
            waiting_for(str(error))
            if not told:
                log.error("waiting for a topic", extra={"error": str(error)})
            told = True
        else:
            waiting_for("")
            return opened
        sleep(min(next(pauses_s), max(deadline_s - clock(), 0)))
