"""The journal: which jobs of a group a destination has acknowledged, so that a repeated run sends only the others.

One text file for each destination and group: a header line, then a job id a line in the order of acknowledgement.
A line is written after its job was acknowledged, in batches, and not forced to disk before the end: what a crash takes
from the journal is sent a second time, under the same job id, which is harmless. A line that a crash tore is cut off.

In memory, 16 bytes of each job that an earlier run sent: about 100 MB for a million.
"""

import fcntl
import hashlib
import json
import os
import re
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from producer.destination import Destination
from producer.jobs import JOB_ID_CHARACTERS
from schemas.errors import RetriableError, SettingsError
from schemas.printable import printable

FORMAT = "mmdigit-journal"
JOURNAL_VERSION = 1

_LINE = re.compile(rb"[0-9a-f]{%d}\n" % JOB_ID_CHARACTERS)
_MAX_HEADER_BYTES = 4096


class Journal:
    """The acknowledged jobs of one group at one destination; holds its file's lock until it is closed."""

    def __init__(self, path: Path, file: BinaryIO, earlier: set[bytes]) -> None:
        self.path = path
        self._file = file
        self._earlier = earlier
        self._pending: deque[str] = deque()
        self._written = 0

    @classmethod
    def open(cls, folder: Path, destination: Destination, group: str, *, resend: bool = False) -> Self:
        """The journal in that folder, made if there is none; emptied if resend, or if the destination is new.

        Raises SettingsError if it is not usable: no permission, not a journal, a journal of something else, or one
        that another producer is writing to. Raises RetriableError if the disk is full.
        """
        name = hashlib.sha256(f"{destination.name}\n{group}".encode()).hexdigest()[:32]
        path = folder / f"{name}.journal"
        shown = printable(str(path), 200)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
        except OSError as error:
            raise SettingsError(f"cannot open the journal {shown}: {error.strerror}; see --journal-dir") from error
        try:
            _lock(file, f"another producer is sending group {group} to {destination.name} now; wait for its end")
            header = _header(destination, group)
            earlier = set() if resend or destination.is_new else _read(file, header, shown)
            if not earlier:
                file.seek(0)
                file.truncate()
                file.write(header)
                file.flush()
        except BaseException as error:
            with suppress(OSError):  # closing writes what is buffered, and fails again where the disk is full
                file.close()
            if isinstance(error, OSError):
                raise RetriableError(f"cannot write the journal {shown}: {error.strerror}") from error
            raise
        return cls(path, file, earlier)

    def __contains__(self, job_id: str) -> bool:
        """Whether an earlier run's job of that id was acknowledged."""
        return bytes.fromhex(job_id) in self._earlier

    def __len__(self) -> int:
        """How many jobs of earlier runs were acknowledged."""
        return len(self._earlier)

    @property
    def acknowledged(self) -> int:
        """How many jobs of this run are acknowledged."""
        return self._written + len(self._pending)

    @property
    def unwritten(self) -> int:
        """How many of them are not yet in the file."""
        return len(self._pending)

    def acknowledge(self, job_id: str) -> None:
        """Remember that the job was acknowledged. From any thread; reaches the file with the next write()."""
        self._pending.append(job_id)

    def write(self) -> None:
        """Hand what was acknowledged to the operating system. Raises RetriableError if it does not take it."""
        lines = [f"{self._pending.popleft()}\n" for _ in range(len(self._pending))]
        if not lines:
            return
        try:
            self._file.write("".join(lines).encode())
            self._file.flush()
        except OSError as error:
            raise RetriableError(f"cannot write the journal {self.path}: {error.strerror}") from error
        self._written += len(lines)

    def close(self) -> None:
        """Write what is left, force it to disk, and let go of the file. Safe to call twice."""
        if self._file.closed:
            return
        try:
            try:
                self.write()
                os.fsync(self._file.fileno())
            finally:
                self._file.close()
        except OSError as error:
            raise RetriableError(f"cannot write the journal {self.path}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _header(destination: Destination, group: str) -> bytes:
    fields = {"format": FORMAT, "version": JOURNAL_VERSION, "destination": destination.name, "group": group}
    return json.dumps(fields).encode() + b"\n"


def _lock(file: BinaryIO, busy: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SettingsError(busy) from error


def _read(file: BinaryIO, header: bytes, shown: str) -> set[bytes]:
    """The acknowledged job ids, as 16 bytes each; leaves the file at its end, without a torn line."""
    first = file.readline(_MAX_HEADER_BYTES)
    if header.startswith(first) and first != header:  # empty, or torn while the header was written
        return set()
    if first != header:
        raise SettingsError(f"{shown} is not this group's journal of version {JOURNAL_VERSION}; move it away")
    acknowledged = set()
    end = len(header)
    while line := file.readline(_MAX_HEADER_BYTES):
        if not line.endswith(b"\n"):
            break
        end += len(line)
        if _LINE.fullmatch(line):  # a line damaged on disk means one job more to send
            acknowledged.add(bytes.fromhex(line[:-1].decode()))
    file.seek(end)
    file.truncate()
    return acknowledged
