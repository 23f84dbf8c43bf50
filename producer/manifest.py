"""A CSV manifest as a source: a header with id, image, audio and label, then a row for each sample."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from producer.group_names import group_of_path
from producer.sample import Sample, Unreadable, read_sample, why
from schemas.errors import DataError
from schemas.printable import printable

COLUMNS = ("id", "image", "audio", "label")
LABELS = tuple("0123456789")


class ManifestSource:
    """Samples of a manifest, row by row.

    The columns id and at least one of image and audio are needed, label is optional, others are ignored; UTF-8, comma
    separated. Either path may be empty. Paths are relative to the manifest's folder, or absolute: the manifest is its
    user's own file, so that it may name any file that the user can read, but only plain files are opened.
    Holds 16 bytes of each id while it is being checked (about 100 MB for a million rows), then nothing.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path = path
        self._rows = rows

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read it once to count and check its rows.

        Raises DataError if it is not CSV, lacks a column, has no rows, or gives one id twice.
        """
        seen: set[bytes] = set()
        rows = 0
        for line, cells in _rows(path):
            rows += 1
            sample_id = cells[0]
            if not sample_id:
                continue
            digest = hashlib.blake2b(sample_id.encode(), digest_size=16).digest()
            if digest in seen:
                raise DataError(f"{_name(path)} line {line}: the id {printable(sample_id)} stands there a second time")
            seen.add(digest)
        if not rows:
            raise DataError(f"{_name(path)} has a header but no rows; add a row for each sample")
        return cls(path, rows)

    @property
    def group(self) -> str:
        return group_of_path(self._path)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Sample | Unreadable]:
        for line, cells in _rows(self._path):
            yield self._sample(line, *cells)

    def _sample(self, line: int, sample_id: str, image: str, audio: str, label: str) -> Sample | Unreadable:
        if not sample_id:
            return Unreadable(f"line {line}", "the id is empty")
        if not image and not audio:
            return Unreadable(sample_id, f"line {line} names neither an image nor an audio file")
        if label and label not in LABELS:
            return Unreadable(sample_id, f"expected a label from 0 to 9 or none, got {printable(label, 20)}")
        folder = self._path.parent
        return read_sample(
            sample_id,
            folder / image if image else None,
            folder / audio if audio else None,
            int(label) if label else None,
        )


def _rows(path: Path) -> Iterator[tuple[int, tuple[str, str, str, str]]]:
    """The number of each row's last line, and its cells of COLUMNS, stripped; those that it lacks are empty."""
    try:
        if not path.is_file():
            raise DataError(f"{_name(path)} is not a file")
        # utf-8-sig: spreadsheets write a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [name.strip() for name in next(reader, [])]
            _check_columns(path, columns)
            for row in reader:
                cells = dict(zip(columns, map(str.strip, row), strict=False))
                if any(cells.values()):
                    yield reader.line_num, tuple(cells.get(column, "") for column in COLUMNS)  # type: ignore[misc]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{_name(path)} is not CSV in UTF-8: {why(error)}") from error
    except OSError as error:
        raise DataError(f"cannot read {_name(path)}: {why(error)}") from error


def _check_columns(path: Path, columns: list[str]) -> None:
    if "id" not in columns or not {"image", "audio"} & set(columns):
        raise DataError(
            f"expected the first line of {_name(path)} to be id,image,audio,label, "
            f"got {printable(','.join(columns)) or 'nothing'}"
        )
    twice = sorted({name for name in columns if name in COLUMNS and columns.count(name) > 1})
    if twice:
        raise DataError(f"{_name(path)} has the column {twice[0]} twice")


def _name(path: Path) -> str:
    return f"the manifest {printable(str(path), 200)}"
