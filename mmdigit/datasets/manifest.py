"""A CSV manifest: a header with id, image, audio and label, then a row for each sample. Streamed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mmdigit.datasets.paths import is_not_utf8, locate
from mmdigit.datasets.sample import NamedSample, Samples
from mmdigit.datasets.table import SAVE_AS, open_table
from mmdigit.datasets.unique import Digests
from schemas.errors import DataError
from schemas.printable import printable

COLUMNS = ("id", "image", "audio", "label")
REQUIRED = (("id",), ("image", "audio"))
MAX_ID_CHARACTERS = 200
MAX_ROWS = 10_000_000

_LABEL = re.compile(r"([0-9])(\.0*)?")  # 7.0: pandas writes this if a cell of the column is empty
_EMPTY = frozenset(("nan", "none", "null", "na", "n/a", "#n/a", "<na>"))  # what programs write into an empty cell
_SURPLUS = "surplus"


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
        for line, cells in _rows(path):
            rows += 1
            if rows > MAX_ROWS:
                raise DataError(f"expected {name} to have at most {MAX_ROWS} rows, got more; split it")
            for column in COLUMNS:
                if column in cells and is_not_utf8(cells[column]):
                    _require_known_bytes(name, path, line, column, cells[column])
            if sample_id := cells["id"].strip():
                digests.add(sample_id)
        if not rows:
            raise DataError(f"expected at least one row in {name}, got a header alone; add a row for each sample")
        if candidates := digests.duplicates():
            seen: dict[str, int] = {}
            for line, cells in _rows(path):
                sample_id = cells["id"].strip()
                if sample_id and sample_id in candidates:
                    if sample_id in seen:
                        raise DataError(
                            f"{name} lines {seen[sample_id]} and {line}, column id: expected each id once, got "
                            f"{printable(sample_id)} twice; make the ids unique"
                        )
                    seen[sample_id] = line
        return cls(path, rows)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[NamedSample]:
        name = printable(self._path.name)
        folder = self._path.parent
        for line, cells in _rows(self._path):
            image, audio = (_path(folder, cells.get(column, "")) for column in ("image", "audio"))
            label, fault = cells.get("label", "").strip(), _fault(cells, image, audio)
            match = _LABEL.fullmatch(label)
            yield NamedSample(
                cells["id"].strip()[:MAX_ID_CHARACTERS],
                image,
                audio,
                int(match[1]) if match else None,
                line,
                f"line {line} of {name}, {fault}" if fault else None,
            )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row's line number and its cells by column. If it has too many cells, _SURPLUS holds its fault."""
    with open_table(path, COLUMNS, REQUIRED) as table:
        places = [(column, table.columns.index(column)) for column in COLUMNS if column in table.columns]
        width = len(table.columns)
        for row in table:
            cells = {column: row.cells[place] if place < len(row.cells) else "" for column, place in places}
            if len(row.cells) > width:
                cells[_SURPLUS] = (
                    f"expected {width} cells as in the header, got {len(row.cells)}, the last "
                    f"'{printable(row.cells[-1].strip())}'; put quotes around a cell that holds the separator"
                )
            yield row.line, cells


def _path(folder: Path, cell: str) -> Path | None:
    word = cell.strip()
    return locate(folder, cell) if word and word.lower() not in _EMPTY else None


def _fault(cells: dict[str, str], image: Path | None, audio: Path | None) -> str | None:
    sample_id, label = cells["id"].strip(), cells.get("label", "").strip()
    if _SURPLUS in cells:
        return cells[_SURPLUS]
    if not 0 < len(sample_id) <= MAX_ID_CHARACTERS:
        return f"column id: expected an id of 1 to {MAX_ID_CHARACTERS} characters, got {len(sample_id) or 'none'}"
    if image is None and audio is None:
        return "columns image and audio: expected an image, an audio file or both, got neither"
    if label and label.lower() not in _EMPTY and _LABEL.fullmatch(label) is None:
        return f"column label: expected a label from 0 to 9 or none, got {printable(label, 20)}"
    return None


def _require_known_bytes(name: str, path: Path, line: int, column: str, cell: str) -> None:
    # An existing file tells how to read the bytes of its name; nothing does so for an id.
    if column in ("image", "audio") and (located := _path(path.parent, cell)) is not None and located.exists():
        return
    raise DataError(f"{name} line {line}, column {column}: expected UTF-8, got {printable(cell.strip())}; {SAVE_AS}")
