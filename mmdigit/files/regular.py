"""Opens the files that a user names: regular files alone, never waited for, read up to a bound."""

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
    """What st_mode says is there, as a word for a message."""
    return "a regular file" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def open_regular(path: Path, max_bytes: int | None = None) -> io.BufferedReader:
    """The file, open for reading. Symbolic links are followed.

    max_bytes: of the whole file; None = any size, and then the caller bounds what it reads.
    Raises OSError if it is missing, unreadable, too large or no regular file; strerror says which, for a message.
    Never waits: a pipe without a writer or a kernel log without a line is an error, and a device is not read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError as exc:  # a NUL in the name
        raise OSError(errno.EINVAL, "its name holds a NUL character", str(path)) from exc
    try:
        # Of the descriptor: what a path names may change between a look and the opening.
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
    """All of the file, at most max_bytes. Raises OSError as open_regular."""
    content = read_start(path, max_bytes)
    if len(content) > max_bytes:
        raise _too_large(path, max_bytes)
    return content


def read_start(path: Path, max_bytes: int) -> bytes:
    """Its first max_bytes, and one byte more if there is more. Raises OSError as open_regular."""
    with open_regular(path) as file:
        # None: a file of the kernel that has nothing to say now.
        return file.read(max_bytes + 1) or b""


def _too_large(path: Path, max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {max_bytes} bytes", str(path))
