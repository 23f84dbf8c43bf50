"""A folder of samples: pairs image and audio files by stem, and reports what it leaves out."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

from mmdigit.datasets.sample import NamedSample, Samples
from mmdigit.files.formats import AUDIO_SUFFIXES, IMAGE_SUFFIXES
from schemas.errors import DataError
from schemas.printable import printable

MODALITY_OF_SUFFIX = dict.fromkeys(IMAGE_SUFFIXES, "image") | dict.fromkeys(AUDIO_SUFFIXES, "audio")
"""In lower case; the case of a file's own suffix does not matter."""

MAX_DEPTH = 32
MAX_FILES = 2_000_000
MAX_NAMES = 10
"""Files that a warning names; it counts the others."""


@dataclass(slots=True)
class _NameList:
    """The first MAX_NAMES names, and how many there are in all."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) < MAX_NAMES:
            self.first.append(printable(name, 60))

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more} more" if more else "")


class Folder(Samples):
    """Samples sorted by id, which is the path within the folder without its suffix. They have no labels.

    Leaves out files with other suffixes, hidden files and anything that is not a regular file. Leaves out folders in
    it unless recursive; if recursive, folders deeper than MAX_DEPTH and links that lead out of it. Never follows a link
    to a folder. Keeps the file names in memory, about 300 bytes each, but no content.
    """

    def __init__(self, path: Path, samples: dict[str, dict[str, str]], left_out: dict[str, _NameList]) -> None:
        self._path = path
        self._samples = samples  # id -> modality -> path within the folder
        self._left_out = left_out

    @classmethod
    def open(cls, path: Path, *, recursive: bool = False) -> Self:
        """Raises DataError if the folder cannot be read, has more than MAX_FILES files, has no image or audio file, or
        has two files of one kind for a stem."""
        shown = printable(str(path), 200)
        walk = _Walk(path, recursive)
        try:
            walk.run()
        except OSError as exc:
            raise DataError(f"expected a folder at {shown}, cannot read it ({exc.strerror}); check the path") from exc
        folder = cls(path, walk.pairs(), walk.left_out)
        if not folder._samples:
            raise DataError(
                f"expected image or audio files ({' '.join(MODALITY_OF_SUFFIX)}) in {shown}, got none"
                + "".join(f"; {line}" for line in folder._lines())
            )
        return folder

    @property
    def left_out(self) -> int:
        """How many files and folders are left out. Hidden files count only if they look like samples."""
        return sum(names.count for names in self._left_out.values())

    @property
    def warnings(self) -> list[str]:
        """What is left out, and which samples lack an image or audio if others have both."""
        lines = [f"{printable(str(self._path), 200)}: {line}" for line in self._lines()]
        lone = {"image": _NameList(), "audio": _NameList()}
        for sample_id, files in self._samples.items():
            if len(files) == 1:
                lone[next(iter(files))].add(sample_id)
        if sum(names.count for names in lone.values()) < len(self._samples):
            lines += [
                f"{printable(str(self._path), 200)}: {names.count} of {len(self._samples)} samples have no {other} "
                f"beside their {own}: {names}"
                for (own, names), other in zip(lone.items(), ("audio", "image"), strict=True)
                if names.count
            ]
        return lines

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[NamedSample]:
        for sample_id, files in self._samples.items():
            image, audio = files.get("image"), files.get("audio")
            yield NamedSample(
                sample_id,
                None if image is None else self._path / image,
                None if audio is None else self._path / audio,
                label=None,
            )

    def _lines(self) -> list[str]:
        return [f"left out {what}: {names}" for what, names in self._left_out.items()]


class _Walk:
    """One walk through a folder."""

    def __init__(self, path: Path, recursive: bool) -> None:
        self._path = path
        self._recursive = recursive
        self._files: list[tuple[str, str]] = []  # the path within the folder, with "/", and its modality
        self.left_out: dict[str, _NameList] = {}

    def run(self) -> None:
        """Raises OSError if the folder itself cannot be read, DataError if there are too many files."""
        pending = [("", 0)]
        while pending:
            inner, depth = pending.pop()
            try:
                with os.scandir(self._path / inner) as entries:
                    found = list(islice(entries, MAX_FILES + 1))
                if len(found) > MAX_FILES:
                    raise self._too_many()
                # Sorted, so that a warning names the same files in every run.
                for entry in sorted(found, key=lambda entry: entry.name):
                    if self._take(entry, inner + entry.name, depth):
                        pending.append((f"{inner}{entry.name}/", depth + 1))
            except OSError:
                if not inner:
                    raise
                self._leave_out("folders that cannot be read", inner)

    def pairs(self) -> dict[str, dict[str, str]]:
        """Id -> modality -> path. Raises DataError if two files of one kind share a stem."""
        samples: dict[str, tuple[str, dict[str, str]]] = {}
        for path, modality in sorted(self._files):
            stem = path[: -len(Path(path).suffix)]
            # macOS may write u and a diaeresis where other systems write one character.
            _, files = samples.setdefault(unicodedata.normalize("NFC", stem), (stem, {}))
            if modality in files:
                raise DataError(
                    f"expected one {modality} file for each stem, got {printable(files[modality])} and "
                    f"{printable(path)}; rename one of them"
                )
            files[modality] = path
        return dict(sorted(samples.values()))

    def _take(self, entry: "os.DirEntry[str]", path: str, depth: int) -> bool:
        """Sort one entry. Returns whether it is a folder to walk into."""
        modality = MODALITY_OF_SUFFIX.get(Path(entry.name).suffix.lower())
        if entry.name.startswith("."):
            # Systems put hidden files into every folder: report only those that look like samples.
            if modality is not None and not entry.name.startswith("._"):
                self._leave_out("hidden files", path)
        elif _check(entry.is_dir):
            if not self._recursive:
                self._leave_out("folders inside it (--recursive reads them)", path)
            elif entry.is_symlink():
                self._leave_out("links to folders", path)
            elif depth >= MAX_DEPTH:
                self._leave_out(f"folders more than {MAX_DEPTH} deep", path)
            else:
                return True
        elif modality is None:
            known = _check(entry.is_file) or entry.is_symlink()
            self._leave_out("files of other kinds" if known else "pipes, sockets and devices", path)
        elif self._recursive and entry.is_symlink() and not self._leads_inside(entry):
            self._leave_out("links that lead out of it, or nowhere", path)
        elif len(self._files) >= MAX_FILES:
            raise self._too_many()
        else:
            self._files.append((path, modality))
        return False

    def _too_many(self) -> DataError:
        shown = printable(str(self._path), 200)
        return DataError(f"expected at most {MAX_FILES} files in {shown}, got more; write a manifest")

    def _leads_inside(self, entry: "os.DirEntry[str]") -> bool:
        try:
            return Path(entry.path).resolve(strict=True).is_relative_to(self._path.resolve())
        except (OSError, RuntimeError):  # it leads nowhere, or in a circle
            return False

    def _leave_out(self, what: str, path: str) -> None:
        self.left_out.setdefault(what, _NameList()).add(path)


def _check(test: Callable[[], bool]) -> bool:
    # False for a loop of links, or a place without permission: neither a readable folder nor a file.
    try:
        return test()
    except OSError:
        return False
