"""Private files for people's images and voices: only the owner may read them, and nobody else created them."""

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
_SHARED = stat.S_IWGRP | stat.S_IWOTH  # set on purpose: this program never sets these bits
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

log = logging.getLogger(__name__)


def open_private(path: Path, mode: int = PRIVATE) -> int:
    """Open the file for reading and writing. Creates it with this mode, regardless of the umask.

    Never follows a link at path, never blocks. Raises OSError if it cannot be opened, SettingsError as require_ours.
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
    """Check that an existing file is regular, not a link, and not planted by another user.

    Narrows our own file to 0600 if others may read but not write it, as earlier releases created it.
    Raises SettingsError if it is not a regular file, or belongs to another user in a world-writable folder.
    Raises OSError if it cannot be examined.
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
                f"expected a file of this user at {shown}, in a world-writable folder, got one of user "
                f"{status.st_uid}; use a private folder"
            )
        _warn(f"{shown} contains personal data and belongs to another user ({status.st_uid})")
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS and not mode & _SHARED:
        with suppress(OSError):  # a read-only file system, or one without modes: warn instead
            path.chmod(mode & ~_OTHERS)
            return
    if mode & stat.S_IRWXO:
        _warn(f"{shown} contains personal data and every user may access it (mode {mode:04o}); restrict its mode")


def warn_of_shared_folder(folder: Path) -> None:
    """Warn if every user may create files in folder. Raises OSError if it cannot be examined."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH:
        _warn(
            f"every user may create files in {printable(str(folder), 200)} (mode {stat.S_IMODE(mode):04o}), which "
            "will contain personal data; use a private folder"
        )


@lru_cache(maxsize=1000)
def _warn(line: str) -> None:
    """Warn once per process: a worker opens its queue file three times."""
    log.warning(line)
