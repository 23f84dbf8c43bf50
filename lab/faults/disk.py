"""A disk that is small enough to fill: a tmpfs, mounted for a block."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import SettingsError

SMALL_DISK_BYTES = 128 * 1024 * 1024
_FILL_BYTES = 64 * 1024


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder with SMALL_DISK_BYTES of space, unmounted at the end. Raises SettingsError if it cannot be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = _run("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", folder)
        if mounted.returncode:
            raise SettingsError(f"expected to mount a small disk, got {mounted.stderr.strip()}; run as root")
        try:
            yield Path(folder)
        finally:
            _run("umount", folder)


def cannot_mount() -> str:
    """Why no small disk can be mounted; empty if one can."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        return "needs root, to mount a small disk"
    try:
        with small_disk():
            return ""
    except SettingsError as error:
        return str(error)


def fill(folder: Path) -> Path:
    """Write a file that takes all the space that is left, to the last page. The caller removes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * _FILL_BYTES):
                pass
        except OSError:  # no space left, as intended
            return filler
    return filler


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
