"""A folder of samples: image and audio files of the same stem are one sample. Counts and names what it leaves out."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

from mmdigit.datasets.sample import NamedSample
from mmdigit.files.formats import AUDIO_SUFFIXES, IMAGE_SUFFIXES
from schemas.errors import DataError
from schemas.printable import printable

MODALITY_OF_SUFFIX = dict.fromkeys(IMAGE_SUFFIXES, "image") | dict.fromkeys(AUDIO_SUFFIXES, "audio")
"""The one list of what a folder's files may be, in lower case; a file's own suffix may be in any."""

MAX_DEPTH = 32
MAX_FILES = 2_000_000
NAMED = 10
"""How many files a warning names before it says how many more there are."""


@dataclass(slots=True)
class _Names:
    """Some names and how many there are."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(printable(name, 60))

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more} more" if more else "")


class Folder:
    """Samples in the order of their ids, which are their paths in the folder without the suffix; no labels.

    Leaves out what it does not know: files of another suffix, hidden ones, what is no file; folders inside it unless
    recursive, then those deeper than MAX_DEPTH and links that lead out of the folder. Links to folders are never
    followed. Holds the file names in memory, about 300 bytes each, nothing of their content.
    """

    def __init__(self, path: Path, samples: dict[str, dict[str, str]], left_out: dict[str, _Names]) -> None:
        self._path = path
        self._samples = samples  # id -> modality -> path within the folder
        self._left_out = left_out

    @classmethod
    def open(cls, path: Path, *, recursive: bool = False) -> Self:
        """Raises DataError if the folder cannot be read, has more than MAX_FILES files, no image or audio file, or two
        of one kind for a stem."""
        shown = printable(str(path), 200)
        found = _Found(path, recursive)
        try:
            found.read()
        except OSError as exc:
            raise DataError(f"expected a folder at {shown}, it cannot be read ({exc.strerror}); check it") from exc
        folder = cls(path, found.paired(), found.left_out)
        if not folder._samples:
            raise DataError(
                f"expected image or audio files ({' '.join(MODALITY_OF_SUFFIX)}) in {shown}, got none"
                + "".join(f"; {line}" for line in folder._lines())
            )
        return folder

    @property
    def left_out(self) -> int:
        """How many files and folders are left out, hidden ones not counted unless they look like samples."""
        return sum(names.count for names in self._left_out.values())

    @property
    def warnings(self) -> list[str]:
        """What is left out, and the samples that lack a half if others have both."""
        lines = [f"{printable(str(self._path), 200)}: {line}" for line in self._lines()]
        halves = {"image": _Names(), "audio": _Names()}
        for sample_id, files in self._samples.items():
            if len(files) == 1:
                halves[next(iter(files))].add(sample_id)
        if sum(names.count for names in halves.values()) < len(self._samples):
            lines += [
                f"{printable(str(self._path), 200)}: {names.count} of {len(self._samples)} samples have no {other} "
                f"beside their {own}: {names}"
                for (own, names), other in zip(halves.items(), ("audio", "image"), strict=True)
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


class _Found:
    """What the walk through a folder found."""

    def __init__(self, path: Path, recursive: bool) -> None:
        self._path = path
        self._recursive = recursive
        self._files: list[tuple[str, str]] = []  # the path within the folder, with "/", and its modality
        self.left_out: dict[str, _Names] = {}

    def read(self) -> None:
        """Raises OSError if the folder itself cannot be read, DataError for too many files."""
        waiting = [("", 0)]
        while waiting:
            inner, depth = waiting.pop()
            try:
                with os.scandir(self._path / inner) as entries:
                    found = list(islice(entries, MAX_FILES + 1))
                if len(found) > MAX_FILES:
                    raise self._too_many()
                # Sorted, so that a warning names the same files in every run.
                for entry in sorted(found, key=lambda entry: entry.name):
                    if self._take(entry, inner + entry.name, depth):
                        waiting.append((f"{inner}{entry.name}/", depth + 1))
            except OSError:
                if not inner:
                    raise
                self._leave_out("folders that cannot be read", inner)

    def paired(self) -> dict[str, dict[str, str]]:
        """Id -> modality -> path. Raises DataError if two files of a kind have one stem."""
        samples: dict[str, tuple[str, dict[str, str]]] = {}
        for path, modality in sorted(self._files):
            stem = path[: -len(Path(path).suffix)]
            # Files of one name come from two systems: one writes u and a diaeresis, the other one character.
            _, files = samples.setdefault(unicodedata.normalize("NFC", stem), (stem, {}))
            if modality in files:
                raise DataError(
                    f"expected one {modality} file for each stem, got {printable(files[modality])} and "
                    f"{printable(path)}; rename one of them"
                )
            files[modality] = path
        return dict(sorted(samples.values()))

    def _take(self, entry: "os.DirEntry[str]", path: str, depth: int) -> bool:
        """Whether it is a folder to go into."""
        modality = MODALITY_OF_SUFFIX.get(Path(entry.name).suffix.lower())
        if entry.name.startswith("."):
            # Systems put such files into every folder; only one that looks like a sample may be missed.
            if modality is not None and not entry.name.startswith("._"):
                self._leave_out("hidden files", path)
        elif _asked(entry.is_dir):
            if not self._recursive:
                self._leave_out("folders inside it (--recursive reads them)", path)
            elif entry.is_symlink():
                self._leave_out("links to folders", path)
            elif depth >= MAX_DEPTH:
                self._leave_out(f"folders more than {MAX_DEPTH} deep", path)
            else:
                return True
        elif modality is None:
            known = _asked(entry.is_file) or entry.is_symlink()
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
            return Path(entry.path).resolve().is_relative_to(self._path.resolve())
        except (OSError, RuntimeError):  # a circle of links
            return False

    def _leave_out(self, what: str, path: str) -> None:
        self.left_out.setdefault(what, _Names()).add(path)


def _asked(question: Callable[[], bool]) -> bool:
    # A circle of links, or a place that this user may not look into: no folder that can be read, and no file.
    try:
        return question()
    except OSError:
        return False
