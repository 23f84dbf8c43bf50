"""The journal: which jobs of a group a destination has acknowledged, so that a repeated run sends only the rest.

One text file for each destination and group: a header line, then one job id a line, in the order of acknowledgement.
Lines are written in batches after the acknowledgement, and synced to disk only at the end. Jobs whose lines a crash
loses are sent again under the same id, which is harmless. A line that a crash cut short is removed.

Holds 16 bytes for each job of earlier runs: with Python's overhead, about 100 MB for a million.
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

from mmdigit.files.private import open_private, warn_of_shared_folder
from mmdigit.sending.destination import Destination
from schemas.errors import RetriableError, SettingsError
from schemas.printable import printable

FORMAT = "mmdigit-journal"
JOURNAL_VERSION = 1
MAX_JOBS = 20_000_000
"""Of one group; they take 2 GB of memory."""
ID_CHARACTERS = 32
"""Hex digits of an id: 128 bits."""

_LINE = re.compile(rb"[0-9a-f]{%d}\n" % ID_CHARACTERS)
_LINE_BYTES = ID_CHARACTERS + 1
_MAX_HEADER_BYTES = 4096
_MAX_TORN_BYTES = 1024 * 1024
"""A power cut may leave bytes such as zeros at the end; no single write is as large as this."""


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
        """Open or create the journal in that folder; empty it if resend is set or the destination is new.

        Raises SettingsError if it is unusable: no permission, not a journal, the journal of another group, or one that
        another producer is writing. Raises RetriableError if the disk is full.
        """
        name = hashlib.sha256(f"{destination.name}\n{group}".encode()).hexdigest()[:32]
        path = folder / f"{name}.journal"
        shown = printable(str(path), 200)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            warn_of_shared_folder(folder)
            file = os.fdopen(open_private(path), "r+b")
        except OSError as error:
            raise SettingsError(
                f"cannot open the journal {shown}: {error.strerror}; choose another --journal-dir"
            ) from error
        try:
            _lock(file, f"another producer is sending group {group} to {destination.name}; wait until it ends")
            header = _header(destination, group)
            earlier = set() if resend or destination.is_new else _read(file, header, shown)
            if not earlier:
                file.seek(0)
                file.truncate()
                file.write(header)
                file.flush()
        except BaseException as error:
            with suppress(OSError):  # close() flushes, and fails again if the disk is full
                file.close()
            if isinstance(error, OSError):
                raise RetriableError(f"cannot write the journal {shown}: {error.strerror}") from error
            raise
        return cls(path, file, earlier)

    def __contains__(self, job_id: str) -> bool:
        """Whether the job was acknowledged in an earlier run."""
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
        """How many of those are not yet in the file."""
        return len(self._pending)

    def acknowledge(self, job_id: str) -> None:
        """Note an acknowledged job, from any thread; the next write() puts it in the file."""
        self._pending.append(job_id)

    def write(self) -> None:
        """Write the acknowledged jobs to the file, without a sync. Raises RetriableError if that fails."""
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
        """Write the rest, sync it to disk and close the file. Safe to call twice."""
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


def _describe(first: bytes) -> str:
    """What the file with that first line is, if not the expected journal."""
    try:
        fields = json.loads(first)
        if fields["format"] == FORMAT and fields["version"] != JOURNAL_VERSION:
            return f"a journal of version {printable(str(fields['version']), 20)}"
        if fields["format"] == FORMAT:
            return f"the journal of group {printable(str(fields['group']))}"
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return "a file that is not a journal"


def _lock(file: BinaryIO, busy: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SettingsError(busy) from error


def _read(file: BinaryIO, header: bytes, shown: str) -> set[bytes]:
    """The acknowledged job ids, as 16 bytes each; truncates a torn last line and leaves the file at its end."""
    first = file.readline(_MAX_HEADER_BYTES)
    if header.startswith(first) and first != header:  # empty, or a torn header
        return set()
    if first != header:
        raise SettingsError(
            f"expected this group's journal of version {JOURNAL_VERSION} at {shown}, got {_describe(first)}; move it "
            "away, or choose another --journal-dir"
        )
    n_bytes = os.fstat(file.fileno()).st_size
    if n_bytes > len(header) + MAX_JOBS * _LINE_BYTES:
        raise SettingsError(
            f"expected a journal of at most {MAX_JOBS} jobs at {shown}, got {n_bytes} bytes; move it away, or choose "
            "another --group"
        )
    acknowledged = set()
    end = len(header)
    while line := file.readline(_MAX_HEADER_BYTES):
        if not line.endswith(b"\n"):
            if n_bytes - end > _MAX_TORN_BYTES:
                raise SettingsError(
                    f"expected one job id a line in the journal {shown}, got something else at byte {end}; move it "
                    "away: its jobs are then sent a second time, which is harmless"
                )
            break
        end += len(line)
        if _LINE.fullmatch(line):  # the job of a damaged line is sent again
            acknowledged.add(bytes.fromhex(line[:-1].decode()))
    file.seek(end)
    file.truncate()
    return acknowledged
