"""How many answers come, how late, and how many a person has to look at: counted by the second, for a minute."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.prediction import Prediction
from schemas.watch import AnswerPace

WINDOW_S = 60
RATE_S = 10
"""Over so many seconds answers a second are told: less would jump, more would lag."""
STEP = 1.05
"""Latencies are counted in steps that grow by so much, so that a minute of any load takes the same memory."""
SMALLEST_S = 0.001


@dataclass
class _Second:
    number: int
    answers: int = 0
    review: int = 0
    steps: Counter[int] = field(default_factory=Counter)


class Pace:
    """Counts answers. For one thread."""

    def __init__(self, now: Callable[[], datetime], clock: Callable[[], float] = time.monotonic) -> None:
        """now: with a zone."""
        self._now, self._clock = now, clock
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S + 1)
        self._since_s = clock()
        self.last_s = -math.inf
        """When the last answer came, by the clock."""

    def start(self) -> None:
        """Begin anew: nothing was seen before."""
        self._seconds.clear()
        self._since_s = self._clock()

    def saw(self, predictions: Sequence[Prediction]) -> None:
        """These have just come."""
        second, now = self._second(), self._now()
        for prediction in predictions:
            second.answers += 1
            second.review += prediction.decision == "review"
            second.steps[_step((now - prediction.timings.created_at).total_seconds())] += 1
        self.last_s = self._clock()

    def told(self) -> AnswerPace:
        """What came in the last minute."""
        now_s = self._clock()
        recent = [second for second in self._seconds if second.number >= now_s - WINDOW_S]
        rate_since_s = max(self._since_s, math.ceil(now_s - RATE_S))
        at_that_rate = sum(second.answers for second in recent if second.number >= math.floor(rate_since_s))
        steps = sum((second.steps for second in recent), Counter[int]())
        return AnswerPace(
            window_s=round(min(float(WINDOW_S), now_s - self._since_s), 1),
            answers=sum(second.answers for second in recent),
            per_s=round(at_that_rate / max(1.0, now_s - rate_since_s), 2),
            review=sum(second.review for second in recent),
            p50_s=_quantile(steps, 0.5),
            p95_s=_quantile(steps, 0.95),
        )

    def _second(self) -> _Second:
        number = math.floor(self._clock())
        if not self._seconds or self._seconds[-1].number != number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]


def _step(latency_s: float) -> int:
    """0 up to SMALLEST_S; clocks of two machines differ, so that a latency may even be negative."""
    return 0 if latency_s <= SMALLEST_S else math.ceil(math.log(latency_s / SMALLEST_S, STEP))


def _quantile(steps: Counter[int], share: float) -> float | None:
    """The upper end of the step in which the share is reached; None without answers."""
    wanted = share * steps.total()
    seen = 0
    for step in sorted(steps):
        seen += steps[step]
        if seen >= wanted:
            return float(f"{SMALLEST_S * STEP**step:.3g}")
    return None
