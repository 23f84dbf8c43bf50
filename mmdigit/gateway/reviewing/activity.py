"""What people have keyed, and how fast, from the log of changes."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median

from schemas.review import ClerkActivity

LONGEST_S = 60.0
"""Between two keys; a longer time is a pause."""
MAX_GAPS = 1_000
"""Of one person, the last ones, from which the median is taken."""


class Activity:
    """Of the people of one group."""

    def __init__(self, keys: Iterable[tuple[datetime, str]] = ()) -> None:
        """keys: when each was made and by whom, in any order."""
        self._clerks: dict[str, _Clerk] = {}
        for at, by in sorted(keys):
            self.add(by, at)

    def add(self, by: str, at: datetime) -> None:
        """Count a key; the last one."""
        self._clerks.setdefault(by, _Clerk()).add(at)

    def shown(self, holds: dict[str, int]) -> Iterator[ClerkActivity]:
        """By name. holds: how many places each holds now."""
        for name in sorted({*self._clerks, *holds}):
            clerk = self._clerks.get(name, _Clerk())
            yield ClerkActivity(
                clerk=name, keyed=clerk.keyed, seconds=clerk.seconds, holds=holds.get(name, 0), last_at=clerk.last_at
            )


class _Clerk:
    def __init__(self) -> None:
        self.keyed = 0
        self.last_at: datetime | None = None
        self._gaps_s: deque[float] = deque(maxlen=MAX_GAPS)
        self._last_is_alone = False
        self._last_has_gap = False

    def add(self, at: datetime) -> None:
        self.keyed += 1
        if at == self.last_at:  # keys of one request, which waited for the gateway: their times tell no speed
            if self._last_has_gap:
                self._gaps_s.pop()
            self._last_is_alone = self._last_has_gap = False
            return
        gap_s = (at - self.last_at).total_seconds() if self.last_at is not None and self._last_is_alone else 0.0
        self._last_is_alone, self._last_has_gap = True, 0 < gap_s <= LONGEST_S
        if self._last_has_gap:
            self._gaps_s.append(gap_s)
        self.last_at = at

    @property
    def seconds(self) -> float | None:
        return round(median(self._gaps_s), 2) if self._gaps_s else None
