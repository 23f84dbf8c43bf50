"""Waits at the start for a topic that does not exist yet."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from mmdigit.consuming.backoff import Backoff
from schemas.errors import TopicError

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0

T = TypeVar("T")


def wait_for_topic(
    open_topic: Callable[[], T],
    wait_s: float,
    waiting_for: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """The result of open_topic, retried for up to wait_s seconds while the topic is missing.

    waiting_for: told the error while it waits, and "" once the topic exists. Raises what open_topic raises; TopicError
    only after wait_s.
    """
    pauses_s = Backoff(LONGEST_PAUSE_S)
    deadline_s = clock() + wait_s
    logged = False
    while True:
        try:
            opened = open_topic()
        except TopicError as error:
            if clock() >= deadline_s:
                raise
            waiting_for(str(error))
            if not logged:
                log.error("waiting for a topic", extra={"error": str(error)})
            logged = True
        else:
            waiting_for("")
            return opened
        sleep(min(next(pauses_s), max(deadline_s - clock(), 0)))
