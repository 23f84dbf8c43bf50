"""The Free Spoken Digit Dataset: lists its recordings and says which split each belongs to."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmdigit.files.regular import read_regular
from schemas.errors import DataError
from schemas.job import MAX_AUDIO_BYTES
from schemas.printable import printable

FOLDER = "free-spoken-digit-dataset/recordings"
"""Within the folder of data sets."""

COUNT = 3_000
SHA256 = "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"
"""Of version 1.0.10, as digest() gives it."""

Split = Literal["train", "validation", "test"]
TEST_INDICES = range(5)
"""Of each speaker and digit. Source: the data set's README, "Usage"."""
VALIDATION_INDICES = range(5, 10)
"""Chosen by this project from the data set's own training split."""

_RESTORE = "restore the data set; `mmdigit data download` fetches MNIST and FSDD"
_SUFFIXES = (".wav", ".flac")
_NAME = re.compile(r"(?:(?P<digit>[0-9])|[a-z]+)_(?P<speaker>[^_]+)_(?P<index>[0-9]+)\.(?:wav|flac)")


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, {digit}_{speaker}_{index}.wav or .flac. digit: -1 = a word or a noise, named in its place."""

    path: Path
    digit: int
    speaker: str
    index: int

    @property
    def word(self) -> str:
        """The word or noise; "" = a digit."""
        return "" if self.digit >= 0 else self.path.name.partition("_")[0]


def split_of(index: int) -> Split:
    """The split of all recordings with that index."""
    return "test" if index in TEST_INDICES else "validation" if index in VALIDATION_INDICES else "train"


def list_recordings(folder: Path, count: int | None = None, digits: Collection[int] = range(10)) -> list[Recording]:
    """The recordings in a folder, sorted by name; also of another data set that names its files alike.

    count: how many there must be, None = any number. digits: those of which there must be recordings; none: recordings
    of words and noises. Raises DataError if there are not as many, if the folder cannot be read, if a recording has
    another name, or if one of the digits has none.
    """
    shown = printable(str(folder), 200)
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(_SUFFIXES))
    except OSError as exc:
        raise DataError(
            f"expected a folder of recordings at {shown}, cannot read it ({exc.strerror}); {_RESTORE}"
        ) from exc
    if count is not None and len(names) != count:
        raise DataError(f"expected {count} recordings in {shown}, got {len(names)}; {_RESTORE}")
    recordings = []
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None or (match["digit"] is None) == bool(digits):
            raise DataError(
                f"expected recordings named {'{digit}' if digits else '{word}'}_{{speaker}}_{{index}}.wav or .flac in "
                f"{shown}, got {printable(name, 100)}; remove it"
            )
        digit = -1 if match["digit"] is None else int(match["digit"])
        recordings.append(Recording(folder / name, digit, match["speaker"], int(match["index"])))
    require_digits((each.digit for each in recordings), str(folder), digits)
    return recordings


def require_digits(digits: Iterable[int | None], where: str, expected: Collection[int] = range(10)) -> None:
    """Raises DataError if one of the expected digits is not among these."""
    if missing := sorted(set(expected) - set(digits)):
        raise DataError(
            f"expected recordings of all ten digits in {printable(where, 300)}, got none of {missing[0]}; {_RESTORE}"
        )


def digest(recordings: Mapping[str, bytes]) -> str:
    """SHA-256 of recordings, file name to content, as `sha256sum *.wav | sha256sum` prints it in their folder."""
    total = hashlib.sha256()
    for name in sorted(recordings):
        total.update(f"{hashlib.sha256(recordings[name]).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def is_fsdd(folder: Path) -> bool:
    """Whether the folder has all recordings of FSDD, unaltered, and no other .wav file. Reads them all."""
    try:
        recordings = list_recordings(folder, COUNT)
        return digest({each.path.name: read_regular(each.path, MAX_AUDIO_BYTES) for each in recordings}) == SHA256
    except (DataError, OSError):
        return False
