"""The roster: every job of a run in the source's order, on disk, so that a run of millions stays small in memory."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Self

from schemas.errors import RetriableError
from schemas.prediction import Label


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the run: the source's id for it, its job id, and its true label if known."""

    sample_id: str
    job_id: str
    label: Label | None


class Roster:
    """Entries in a temporary file without a name, gone when it is closed.

    Raises RetriableError wherever the file cannot be written.
    """

    def __init__(self) -> None:
        with _mapped():
            self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 (closed by close)
        self._length = 0

    def add(self, sample_id: str, job_id: str, label: Label | None) -> None:
        """Enter one more job."""
        with _mapped():
            self._file.write(f"{json.dumps([sample_id, job_id, label])}\n")
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def chunks(self, length: int) -> Iterator[list[Entry]]:
        """All entries in the order of entering, in lists of that length but for the last; add none meanwhile."""
        with _mapped():
            self._file.seek(0)  # writes what is buffered
        while chunk := [Entry(*json.loads(line)) for line in islice(self._file, length)]:
            yield chunk

    def close(self) -> None:
        """Delete the file. Safe to call twice."""
        with suppress(OSError):  # what could not be written is not needed any more
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RetriableError(
            f"cannot write a temporary file in {tempfile.gettempdir()}: {error.strerror}; make room, or set TMPDIR"
        ) from error
