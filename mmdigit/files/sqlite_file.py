"""Checks the files of a SQLite database before SQLite opens them: regular, private, ours, and complete."""

import os
from contextlib import suppress
from pathlib import Path

from mmdigit.files.private import PRIVATE, require_ours, warn_of_shared_folder
from mmdigit.files.regular import open_regular
from schemas.errors import RetriableError, SettingsError
from schemas.printable import printable

_HEADER_BYTES = 512  # SQLite treats a smaller file as a new database
_WAL_MAGIC = (0x377F0682, 0x377F0683)  # Source: https://sqlite.org/fileformat2.html#walformat


def prepare_file(path: Path, error_type: type[RetriableError], what: str = "a queue file") -> Path:
    """Resolve path, and create an empty private file if none exists. SQLite's other files inherit its mode.

    what: what the file should be, for messages.

    Raises SettingsError if it cannot be a database: its folder does not exist, it is not a regular file or belongs to
    another user (see require_ours), or its log is damaged or exists without it. In these cases SQLite would start a new
    database and discard the old data.
    Raises error_type if it cannot be examined or created now.
    """
    shown = printable(str(path), 200)
    try:
        real = path.resolve()
        if real.is_dir() or not real.parent.is_dir():
            raise SettingsError(f"expected a file in an existing folder, got {shown!r}; create the folder or change it")
        warn_of_shared_folder(real.parent)
        log = real.with_name(f"{real.name}-wal")
        for file in (real, log, real.with_name(f"{real.name}-shm"), real.with_name(f"{real.name}-journal")):
            # Another process may be creating or removing it.
            with suppress(FileNotFoundError):
                require_ours(file)
        if 0 < (size := _size(real)) < _HEADER_BYTES:
            raise SettingsError(f"expected {what}, got only {size} bytes at {shown!r}; restore it from a backup")
        if _size(log):
            with suppress(FileNotFoundError):  # another process closed the database, which removes its log
                _require_log(log, real, what)
        with suppress(FileExistsError):
            # Never open and close an existing file here: that would release the locks of this process's other
            # connections. Source: https://sqlite.org/howtocorrupt.html, section 2.2.
            os.close(os.open(real, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    except OSError as error:
        raise error_type(
            f"expected to use the SQLite file {shown!r}, got: {error.strerror}; check the permissions of the file and "
            "its folder"
        ) from error
    except RuntimeError as error:
        raise SettingsError(f"expected a file at {shown!r}, got a symlink loop; name another file") from error
    return real


def _require_log(log: Path, database: Path, what: str) -> None:
    shown = printable(str(log), 200)
    if not _size(database):
        raise SettingsError(
            f"expected {what} beside its log {shown}, got {'an empty' if database.exists() else 'no'} file "
            f"{printable(database.name)}; restore it, or remove the log too"
        )
    with open_regular(log) as file:
        magic = file.read(4)
    # After a power cut, an empty log may contain zeros.
    if magic.strip(b"\0") and int.from_bytes(magic, "big") not in _WAL_MAGIC:
        raise SettingsError(
            f"expected the log of {what} at {shown}, got damaged data; restore both files from a backup, or "
            "remove the log to continue without its content"
        )


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
