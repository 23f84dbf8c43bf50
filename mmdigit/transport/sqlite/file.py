"""The files of a SQLite database before SQLite sees them: plain, private, ours, and none of them missing."""

import os
from contextlib import suppress
from pathlib import Path

from mmdigit.files.plain import open_plain
from mmdigit.files.private import PRIVATE, require_ours, warn_of_shared_folder
from schemas.errors import RetriableError, SettingsError
from schemas.printable import printable

_HEADER_BYTES = 512  # less than this SQLite takes for a new database
_WAL_MAGIC = (0x377F0682, 0x377F0683)  # Source: https://sqlite.org/fileformat2.html#walformat


def prepare_file(path: Path, error_type: type[RetriableError]) -> Path:
    """Where path leads, links followed; made empty and private if nothing is there. SQLite's own files take its mode.

    Raises SettingsError if it cannot be a database: its folder is missing, it is no plain file or another user's (see
    require_ours), or its log is there without it or is damaged. Nothing is thrown away: SQLite would begin anew.
    Raises error_type if it cannot be looked at or made now.
    """
    shown = printable(str(path), 200)
    try:
        real = path.resolve()
        if real.is_dir() or not real.parent.is_dir():
            raise SettingsError(f"expected a file in an existing folder, got {shown!r}; create the folder or change it")
        warn_of_shared_folder(real.parent)
        log = real.with_name(f"{real.name}-wal")
        for file in (real, log, real.with_name(f"{real.name}-shm"), real.with_name(f"{real.name}-journal")):
            # Another process may be making or removing it.
            with suppress(FileNotFoundError):
                require_ours(file)
        if 0 < (size := _size(real)) < _HEADER_BYTES:
            raise SettingsError(f"expected a queue file, got {size} bytes at {shown!r}: it is cut off; restore it")
        if _size(log):
            _require_log(log, real)
        with suppress(FileExistsError):
            # Never opened and closed here when it is there: that would take away the locks of this process's other
            # connections. Source: https://sqlite.org/howtocorrupt.html, section 2.2.
            os.close(os.open(real, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    except OSError as error:
        raise error_type(
            f"expected to use the SQLite file {shown!r}, got: {error.strerror}; check its permissions and its folder's"
        ) from error
    except RuntimeError as error:
        raise SettingsError(f"expected a file at {shown!r}, got a circle of links; name another file") from error
    return real


def _require_log(log: Path, database: Path) -> None:
    shown = printable(str(log), 200)
    if not _size(database):
        raise SettingsError(
            f"expected a queue file beside its log {shown}, got {'an empty' if database.exists() else 'no'} file "
            f"{printable(database.name)}; restore it, or remove the log, too"
        )
    with open_plain(log) as file:
        magic = file.read(4)
    # Zeros are what a power cut leaves of a log that held nothing yet.
    if magic.strip(b"\0") and int.from_bytes(magic, "big") not in _WAL_MAGIC:
        raise SettingsError(
            f"expected the log of a queue file at {shown}, got something else: what it held is damaged; restore both "
            "files from a copy, or remove the log to go on without what it held"
        )


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
