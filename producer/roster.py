"""The roster: every job of a run in the order of the source, on disk, so that memory stays small for millions."""

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
    """One job of the run: its id in the source, its job id, and its true label if known."""

    sample_id: str
    job_id: str
    label: Label | None


class Roster:
    """Entries in an unnamed temporary file, which closing deletes.

    Every method raises RetriableError if the file cannot be written.
    """

    def __init__(self) -> None:
        with _errors_mapped():
            self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 (closed by close)
        self._length = 0

    def add(self, sample_id: str, job_id: str, label: Label | None) -> None:
        """Append a job."""
        with _errors_mapped():
            self._file.write(f"{json.dumps([sample_id, job_id, label])}\n")
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def chunks(self, length: int) -> Iterator[list[Entry]]:
        """All entries in order, in lists of that length except the last. Add none while iterating."""
        with _errors_mapped():
            self._file.seek(0)  # flushes
        while chunk := [Entry(*json.loads(line)) for line in islice(self._file, length)]:
            yield chunk

    def close(self) -> None:
        """Delete the file. Safe to call twice."""
        with suppress(OSError):  # a failed flush no longer matters
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextmanager
def _errors_mapped() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RetriableError(
            f"cannot write a temporary file in {tempfile.gettempdir()}: {error.strerror}; make room, or set TMPDIR"
        ) from error
