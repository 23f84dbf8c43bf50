"""One sample as a manifest or folder names it (id, files, label), and the contract of a collection of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NamedSample:
    """One sample, not read yet. fault: one line that says why it cannot be used, None = no fault found so far."""

    id: str
    image: Path | None
    audio: Path | None
    label: int | None
    line: int | None = None
    """In the manifest, from 1; None in a folder."""
    fault: str | None = None
    writer: str = ""
    """Who wrote or spoke it, "" = not known."""


class Samples(Protocol):
    """Samples in a stable order as long as their manifest or folder does not change. Iterable many times."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[NamedSample]: ...

    @property
    def warnings(self) -> list[str]:
        """Lines for the user, bounded in number and length: what is left out, what looks wrong. By default none."""
        return []

    @property
    def left_out(self) -> int:
        """How many files and folders are not samples; the warnings name them. By default 0."""
        return 0


def left_out_line(count: int) -> str:
    """The line of a summary that counts what a folder leaves out."""
    return f"left out: {'1 file or folder' if count == 1 else f'{count} files or folders'} (named on standard error)\n"
