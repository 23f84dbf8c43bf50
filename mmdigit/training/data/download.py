"""`mmdigit data download`: fetches public data sets, checks them, and lays them out as docs/use/data.md says.

Tested: transfers from a local HTTP server, small archives of every set, and the checksums of MNIST's contents, FSDD's
recordings and Omniglot's archives against existing files. Not tested: the public addresses, which need a network.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from mmdigit.training.data.fetching import PublicSet, fetch
from mmdigit.training.data.public_images import EMNIST, MNIST, MNIST_WRITERS, OMNIGLOT_SMALL
from mmdigit.training.data.public_recordings import AUDIOMNIST, FSDD, SPEECH_COMMANDS
from schemas.errors import DataError, SettingsError
from schemas.printable import printable

SETS: Mapping[str, PublicSet] = {
    "mnist": MNIST,
    "fsdd": FSDD,
    "mnist-writers": MNIST_WRITERS,
    "omniglot": OMNIGLOT_SMALL,
    "speech-commands": SPEECH_COMMANDS,
    "audiomnist": AUDIOMNIST,
    "emnist": EMNIST,
}
WORK = ".download"
"""Within the folder of data sets: what is not complete yet."""


def run(folder: Path, names: str) -> None:
    """Fetch what is missing or altered of these sets and leave the rest alone.

    names: of SETS, separated by commas; all = every one. Raises SettingsError for another name, otherwise as download.
    """
    chosen = list(SETS) if names == "all" else names.split(",")
    if unknown := [name for name in chosen if name not in SETS]:
        raise SettingsError(
            f"expected --sets to name some of {','.join(SETS)}, or all, got {printable(unknown[0], 60)!r}; name those"
        )
    download(folder, {name: SETS[name] for name in chosen})
    sys.stdout.write(f"{', '.join(chosen)}: complete in {folder}\n")


def download(folder: Path, sets: Mapping[str, PublicSet]) -> None:
    """Fetch what is missing or altered of these sets, by name.

    A file or folder appears once it is complete and checked. Raises DataError if something cannot be fetched, has other
    content than expected, does not fit on the disk, or cannot be written.
    """
    missing = {name: files for name, each in sets.items() if (files := each.missing(folder))}
    if not missing:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _work_folder(folder) as work:
            _require_space(folder, work, {name: sets[name] for name in missing})
            with Progress(*columns, console=Console(stderr=True)) as progress:
                for name, files in missing.items():
                    for file in files:
                        fetch(sets[name].sources[file], work / file, progress)
                    try:
                        sets[name].install(folder, work, progress)
                    except DataError:
                        _remove(work, files)  # or the next run would find the same damaged files
                        raise
                    _remove(work, files)
    except OSError as exc:
        raise DataError(f"expected to write to {folder}, that failed ({exc.strerror or exc}); check --data") from exc


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """The folder of what is not complete yet, for one process at a time; it stays if there is anything left in it."""
    work = folder / WORK
    work.mkdir(exist_ok=True)
    lock = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise DataError(f"expected one download into {folder} at a time, got a second; wait for the first") from exc
        try:
            yield work
        finally:
            with suppress(OSError):  # something is left in it
                work.rmdir()
    finally:
        os.close(lock)


def _require_space(folder: Path, work: Path, sets: Mapping[str, PublicSet]) -> None:
    """Say what will be fetched and kept. Raises DataError if the disk is too full for it."""
    fetched = {name: sum(source.n_bytes for source in each.sources.values()) for name, each in sets.items()}
    there = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    needed = max(0, sum(each.kept_bytes for each in sets.values()) + max(fetched.values()) - there)
    free = shutil.disk_usage(folder).free
    for name, each in sets.items():
        sys.stderr.write(f"{name}: about {_size(fetched[name])} to fetch, {_size(each.kept_bytes)} to keep\n")
    sys.stderr.write(f"the disk needs about {_size(needed)} for that, and has {_size(free)}\n")
    if free < needed:
        raise DataError(
            f"expected {_size(needed)} free in {folder}, got {_size(free)}; make room, or name fewer sets in --sets"
        )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{max(n_bytes / 1e6, 0.1):.1f} MB"


def _remove(work: Path, files: list[str]) -> None:
    for file in files:
        (work / file).unlink(missing_ok=True)
