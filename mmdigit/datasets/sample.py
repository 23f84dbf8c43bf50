"""What a manifest or a folder names: one sample's id, files and label; and what is left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NamedSample:
    """One sample by its files. fault: why it cannot be read, a line for the user; None if nothing is wrong so far."""

    id: str
    image: Path | None
    audio: Path | None
    label: int | None
    line: int | None = None
    """In the manifest; None in a folder."""
    fault: str | None = None


class Samples(Protocol):
    """Samples in an order that never changes while their manifest or folder stays the same; may be iterated again."""

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
    """A summary's line on what a folder leaves out."""
    return f"left out: {'1 file or folder' if count == 1 else f'{count} files or folders'} (named on standard error)\n"
