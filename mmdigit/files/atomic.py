"""Writes a file that takes its place when it is complete, and not before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from mmdigit.files.regular import file_kind
from schemas.errors import DataError
from schemas.printable import printable


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of path when the block ends well; until then, and if not, path stays as it is.

    A symbolic link keeps pointing where it does. Raises DataError if the file cannot be written, or if path is there
    and no regular file (a device, a folder).
    """
    target = require_replaceable(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a process of that number that was killed
        # x: not through a link that somebody has put there.
        with partial.open("x", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(target)
    except OSError as exc:
        raise DataError(
            f"expected to write {printable(str(path), 200)}, its folder refuses ({exc.strerror}); check --output"
        ) from exc
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def require_replaceable(path: Path) -> Path:
    """Where path leads, links followed. Raises DataError if no file can be written there: it is not a regular file, or
    its folder does not exist."""
    shown = printable(str(path), 200)
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise DataError(
                f"expected a regular file, or none yet, at {shown}, got {file_kind(target.stat().st_mode)}; "
                "name another --output"
            )
        if not target.parent.is_dir():
            raise DataError(
                f"expected to write {shown}, its folder refuses (it does not exist); make it first, or check --output"
            )
    except (OSError, ValueError, RuntimeError) as exc:  # ValueError: a NUL in the name; RuntimeError: a circle of links
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise DataError(f"expected a file name, got {shown} ({why}); check --output") from exc
    return target
