"""Atomic writes: a new file replaces the old one only when it is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from mmdigit.files.regular import file_kind
from schemas.errors import DataError
from schemas.printable import printable


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """Open a text file that replaces path if the block succeeds. Otherwise path stays unchanged.

    Follows symbolic links. Raises DataError if the file cannot be written, or if path exists and is not a regular file
    (a device, a folder).
    """
    with _partial_file(path) as partial, partial.open("x", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def atomic_write_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file, as atomic_write does a text file."""
    with _partial_file(path) as partial, partial.open("xb") as file:
        yield file


def atomic_write_bytes(path: Path, content: bytes) -> None:
    """Write the file whole, or leave path as it is. Raises DataError as atomic_write."""
    with atomic_write_binary(path) as file:
        file.write(content)


@contextmanager
def _partial_file(path: Path) -> Iterator[Path]:
    """A name beside path that replaces it if the block succeeds. Open it with x, never through a planted link."""
    target = require_replaceable(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.unlink(missing_ok=True)  # left by a killed process with the same PID
        yield partial
        partial.replace(target)
    except OSError as exc:
        raise DataError(f"expected to write {printable(str(path), 200)}, got: {exc.strerror}; check the path") from exc
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def require_replaceable(path: Path) -> Path:
    """Resolve path. Raises DataError if it is not a regular file or its folder does not exist."""
    shown = printable(str(path), 200)
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise DataError(
                f"expected a regular file or none at {shown}, got {file_kind(target.stat().st_mode)}; "
                "name another --output"
            )
        if not target.parent.is_dir():
            raise DataError(f"expected to write {shown}, got no folder for it; create the folder, or check the path")
    except (OSError, ValueError, RuntimeError) as exc:  # ValueError: a NUL in the name; RuntimeError: a symlink loop
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise DataError(f"expected a file name, got {shown} ({reason}); check the path") from exc
    return target
