"""A CSV manifest: a header with id, image, audio, label and writer, then a row for each sample. Streamed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mmdigit.datasets.manifest_rows import (
    COLUMNS,
    MAX_ID_CHARACTERS,
    MAX_ROWS,
    REQUIRED,
    ManifestRow,
    manifest_rows,
)
from mmdigit.datasets.paths import is_not_utf8, locate
from mmdigit.datasets.sample import NamedSample, Samples
from mmdigit.datasets.table import SAVE_AS, open_table
from mmdigit.datasets.unique import Digests
from schemas.errors import DataError
from schemas.printable import printable


class Manifest(Samples):
    """The samples of a manifest, in row order. docs/use/manifests.md describes the format.

    Paths are absolute or relative to the manifest's folder. The manifest is the user's own file, so it may name any
    file that the user can read. A wrong row keeps its place and carries its fault.
    Needs 8 bytes of memory a row while it is checked, then none.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path = path
        self._rows = rows

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the file once to check and count its rows.

        Raises DataError if the file is not a table (see mmdigit.datasets.table), lacks a column or rows, has more than
        MAX_ROWS rows, repeats an id, or holds bytes that are not UTF-8 and cannot be resolved.
        """
        name = printable(str(path), 200)
        digests = Digests()
        rows = 0
        for row in _rows(path):
            rows += 1
            if rows > MAX_ROWS:
                raise DataError(f"expected {name} to have at most {MAX_ROWS} rows, got more; split it")
            _require_known_bytes(name, path, row)
            if row.id:
                digests.add(row.id)
        if not rows:
            raise DataError(f"expected at least one row in {name}, got a header alone; add a row for each sample")
        if candidates := digests.duplicates():
            seen: dict[str, int] = {}
            for row in _rows(path):
                if row.id and row.id in candidates:
                    if row.id in seen:
                        raise DataError(
                            f"{name} lines {seen[row.id]} and {row.line}, column id: expected each id once, got "
                            f"{printable(row.id)} twice; make the ids unique"
                        )
                    seen[row.id] = row.line
        return cls(path, rows)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[NamedSample]:
        name = printable(self._path.name)
        folder = self._path.parent
        for row in _rows(self._path):
            image, audio = (None if cell is None else locate(folder, cell) for cell in (row.image, row.audio))
            fault = f"line {row.line} of {name}, {row.fault}" if row.fault else None
            yield NamedSample(row.id[:MAX_ID_CHARACTERS], image, audio, row.label, row.line, fault, row.writer)


def _rows(path: Path) -> Iterator[ManifestRow]:
    with open_table(path, COLUMNS, REQUIRED) as table:
        yield from manifest_rows(table)


def _require_known_bytes(name: str, path: Path, row: ManifestRow) -> None:
    """Raises DataError if a cell holds bytes that nothing tells how to read."""
    for column, cell in row.cells.items():
        if not is_not_utf8(cell):
            continue
        # An existing file tells how to read the bytes of its name; nothing does so for an id.
        named = {"image": row.image, "audio": row.audio}.get(column)
        if named is None or not locate(path.parent, named).exists():
            raise DataError(
                f"{name} line {row.line}, column {column}: expected UTF-8, got {printable(cell.strip())}; {SAVE_AS}"
            )
