"""Opens user files safely: only regular files, never blocking, with bounded reads."""

import errno
import io
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}


def file_kind(mode: int) -> str:
    """The kind of file that st_mode describes, for a message."""
    return "a regular file" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "an unknown kind of file")


def open_regular(path: Path, max_bytes: int | None = None) -> io.BufferedReader:
    """Open the file for reading. Follows symbolic links. Never blocks, and never reads from pipes or devices.

    max_bytes: limit for the whole file; None if the caller bounds its own reads.
    Raises OSError if the file is missing, unreadable, too large or not regular; strerror says which, for a message.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError as exc:  # a NUL in the name
        raise OSError(errno.EINVAL, "its name contains a NUL character", str(path)) from exc
    try:
        # Check the descriptor, because another file may replace the path before it is opened.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"it is {file_kind(status.st_mode)}, not a regular file", str(path))
        if max_bytes is not None and status.st_size > max_bytes:
            raise _too_large(path, max_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Read the whole file, at most max_bytes. Raises OSError as open_regular."""
    content = read_start(path, max_bytes)
    if len(content) > max_bytes:
        raise _too_large(path, max_bytes)
    return content


def read_start(path: Path, max_bytes: int) -> bytes:
    """Read the first max_bytes, and one byte more if the file is larger. Raises OSError as open_regular."""
    with open_regular(path) as file:
        # read() returns None for a kernel file without data.
        return file.read(max_bytes + 1) or b""


def _too_large(path: Path, max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {max_bytes} bytes", str(path))
