"""Shows progress on standard error: a bar on a terminal, otherwise a line every few seconds."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

LINE_EVERY_S = 5.0


class Progress(AbstractContextManager["Progress"], Protocol):
    """The progress of something with a known end."""

    def update(self, completed: int, note: str) -> None:
        """Show how many are done, and a note."""
        ...

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...


class BarProgress:
    """A bar with the remaining time."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=Console(file=stream, markup=False, highlight=False),
        )
        self._task = self._bar.add_task(what, total=total, note="")

    def update(self, completed: int, note: str) -> None:
        self._bar.update(self._task, completed=completed, note=note)

    def line(self, text: str) -> None:
        self._bar.console.print(text)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()


class LineProgress:
    """A line at most every LINE_EVERY_S seconds, and one at the end."""

    def __init__(self, what: str, total: int, stream: TextIO, monotonic: Callable[[], float]) -> None:
        self._what = what
        self._total = total
        self._stream = stream
        self._monotonic = monotonic
        self._last_s = monotonic()
        self._unshown: str | None = None

    def update(self, completed: int, note: str) -> None:
        self._unshown = f"{self._what} {completed}/{self._total}: {note}"
        if self._monotonic() - self._last_s >= LINE_EVERY_S:
            self._show()

    def line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _show(self) -> None:
        if self._unshown is not None:
            self.line(self._unshown)
        self._unshown = None
        self._last_s = self._monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._show()


def progress_on(stream: TextIO, what: str, total: int, monotonic: Callable[[], float]) -> BarProgress | LineProgress:
    """A bar if the stream is a terminal, otherwise lines."""
    return BarProgress(what, total, stream) if stream.isatty() else LineProgress(what, total, stream, monotonic)
