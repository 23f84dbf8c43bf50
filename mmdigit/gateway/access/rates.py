"""How much one subject may ask for: requests a second, and streams that are open at once.

Both keep their counts in this process, and are used from one thread, that of the event loop.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

MAX_SUBJECTS = 10_000


class Rates:
    """A token bucket for each subject: burst requests at once, then rate_per_s of them a second."""

    def __init__(
        self,
        rate_per_s: float,
        burst: float,
        *,
        max_subjects: int = MAX_SUBJECTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """max_subjects: beyond it, the subject that has been quiet for longest is forgotten."""
        self._rate_per_s, self._burst, self._max_subjects, self._clock = rate_per_s, burst, max_subjects, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, subject: str, cost: float = 1.0) -> float:
        """Take cost (at most burst) from the subject's bucket. Returns 0, or the seconds to wait if there is less."""
        now = self._clock()
        left, at = self._buckets.get(subject, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate_per_s)
        cost = min(cost, self._burst)
        wait_s = max(0.0, (cost - left) / self._rate_per_s)
        self._buckets[subject] = (left if wait_s else left - cost), now
        self._buckets.move_to_end(subject)
        if len(self._buckets) > self._max_subjects:
            self._buckets.popitem(last=False)
        return wait_s


class HeldBytes:
    """Counts the bytes of bodies that are being received: at most `each` of one subject, `together` of all."""

    def __init__(self, each: int, together: int) -> None:
        self._each, self._together = each, together
        self._held: Counter[str] = Counter()
        self._sum = 0

    def take(self, subject: str, size: int) -> bool:
        """Whether there is room for size more bytes; then give_back() must follow. One body always fits."""
        held = self._held[subject]
        if held and (held + size > self._each or self._sum + size > self._together):
            return False
        self._held[subject] += size
        self._sum += size
        return True

    def give_back(self, subject: str, size: int) -> None:
        self._held[subject] -= size
        self._sum -= size
        if not self._held[subject]:
            del self._held[subject]


class OpenStreams:
    """Counts open streams: at most `each` of one subject, at most `together` of all."""

    def __init__(self, each: int, together: int) -> None:
        self._each, self._together = each, together
        self._open: Counter[str] = Counter()
        self._count = 0

    def enter(self, subject: str) -> bool:
        """Whether the subject may open one more; then leave() must follow."""
        if self._open[subject] >= self._each or self._count >= self._together:
            return False
        self._open[subject] += 1
        self._count += 1
        return True

    def leave(self, subject: str) -> None:
        self._open[subject] -= 1
        self._count -= 1
        if not self._open[subject]:
            del self._open[subject]
