"""How far a collection is, for people: pages, fields, rate and time left."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mmdigit.forms.store.ports import PageCounts, StoredValue

LINE_EVERY_S = 30.0  # where no bar can be drawn


@dataclass(frozen=True)
class Standing:
    """done: pages with values, and failed ones. pages: all that are there, or that are expected."""

    pages: int
    done: int
    failed: int
    accepted: int
    review: int

    @classmethod
    def of(cls, counts: PageCounts, expected: int | None = None) -> "Standing":
        pages = counts.pages if expected is None else max(expected, counts.pages)
        return cls(pages, counts.pages - counts.unread, counts.failed, counts.accepted, counts.review)

    def with_decided(self, pages: int, values: Sequence[StoredValue]) -> "Standing":
        accepted = sum(value.decision == "accept" for value in values)
        return replace(
            self, done=self.done + pages, accepted=self.accepted + accepted,
            review=self.review + len(values) - accepted,
        )  # fmt: skip

    @property
    def described(self) -> str:
        return (
            f"{self.done:,} of {self.pages:,} pages, {self.accepted:,} fields accepted, {self.review:,} to review, "
            f"{self.failed:,} pages failed"
        )


class ProgressLine:
    """A bar on a terminal, elsewhere a line now and then."""

    def __init__(
        self,
        output: TextIO,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        """tell: takes a line where no bar can be drawn; by default it is written to output."""
        self._clock = clock
        self._tell = tell or (lambda line: output.write(f"mmdigit: {line}\n"))
        self._began_s = self._told_s = clock()
        self._first: int | None = None
        self._bar = Progress(
            BarColumn(), TextColumn("{task.description}"), disable=not output.isatty(),
            console=Console(file=output, markup=False, highlight=False, soft_wrap=True),
        )  # fmt: skip
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, standing: Standing) -> None:
        if self._first is None:
            self._first = standing.done
        now_s = self._clock()
        text = f"{standing.described}{self._speed(standing, now_s - self._began_s)}"
        self._bar.update(self._task, description=text, completed=standing.done, total=max(1, standing.pages))
        if self._bar.disable and now_s - self._told_s >= LINE_EVERY_S:
            self._told_s = now_s
            self._tell(text)

    def _speed(self, standing: Standing, spent_s: float) -> str:
        """Pages a minute since the start, and the time that the rest takes at that rate."""
        done = standing.done - (self._first or 0)
        if not done or spent_s <= 0:
            return ""
        left_s = (standing.pages - standing.done) * spent_s / done
        return f", {60 * done / spent_s:,.0f} pages a minute, {_duration(left_s)} left"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60} min"
