"""Files that hold people's pictures and voices, or name them: readable by their owner alone, and not planted."""

import logging
import os
import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from mmdigit.files.regular import file_kind
from schemas.errors import SettingsError
from schemas.printable import printable

PRIVATE = 0o600
_SHARED = stat.S_IWGRP | stat.S_IWOTH  # whoever lets others write has done it on purpose: nothing here ever does
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

log = logging.getLogger(__name__)


def open_private(path: Path, mode: int = PRIVATE) -> int:
    """A descriptor of the file for reading and writing, made with that mode if it is not there, whatever the umask.

    Never follows a link at path, never waits. Raises OSError if it cannot be opened, SettingsError as require_ours.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        require_ours(path)
        return os.open(path, flags)
    os.fchmod(descriptor, mode)
    return descriptor


def require_ours(path: Path) -> None:
    """Look at a file that is there: it must be a plain one, not a link, that nobody has planted.

    If it is ours and others may read it but not write to it, as earlier versions made theirs, it is narrowed to 0600.
    Raises SettingsError if it is no regular file, or is another user's in a folder where every user may make files.
    Raises OSError if it cannot be looked at.
    """
    status = path.lstat()
    shown = printable(str(path), 200)
    if not stat.S_ISREG(status.st_mode):
        raise SettingsError(
            f"expected a regular file at {shown}, got {file_kind(status.st_mode)}; name another, or move it"
        )
    if status.st_uid != os.geteuid():
        if path.parent.stat().st_mode & stat.S_IWOTH:
            raise SettingsError(
                f"expected a file of our own at {shown}, in a folder where every user may make files, got one of user "
                f"{status.st_uid}; use a folder of your own"
            )
        _warn(f"{shown} holds people's data, and belongs to another user ({status.st_uid})")
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS and not mode & _SHARED:
        with suppress(OSError):  # a file system without modes, or one that is read-only: the warning says it
            path.chmod(mode & ~_OTHERS)
            return
    if mode & stat.S_IRWXO:
        _warn(f"{shown} holds people's data, and every user may use it (mode {mode:04o}); take that right away")


def warn_of_shared_folder(folder: Path) -> None:
    """Say so if every user of the machine may make files in folder. Raises OSError if it cannot be looked at."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH:
        _warn(
            f"every user may make files in {printable(str(folder), 200)} (mode {stat.S_IMODE(mode):04o}), where "
            "people's data will lie; use a folder of your own"
        )


@lru_cache(maxsize=1000)
def _warn(line: str) -> None:
    """Once a process: a worker opens its queue file three times."""
    log.warning(line)
