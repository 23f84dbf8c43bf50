"""The rows of a manifest, wherever it is kept: what each says, and why it cannot be used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from mmdigit.datasets.table import Table
from schemas.printable import printable

COLUMNS = ("id", "image", "audio", "label", "writer")
REQUIRED = (("id",), ("image", "audio"))
MAX_ID_CHARACTERS = 200
MAX_ROWS = 10_000_000

_LABEL = re.compile(r"([0-9])(\.0*)?")  # 7.0: pandas writes this if a cell of the column is empty
_EMPTY = frozenset(("nan", "none", "null", "na", "n/a", "#n/a", "<na>"))  # what programs write into an empty cell


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row. line: of the table, from 1. cells: as written, by column. image, audio: what names the file, None if the
    cell is empty. writer: who wrote or spoke it, "" = not known. fault: why the row cannot be used, from "column"; None
    if it can."""

    line: int
    cells: dict[str, str]
    id: str
    image: str | None
    audio: str | None
    label: int | None
    writer: str
    fault: str | None

    @classmethod
    def of(cls, line: int, cells: dict[str, str], surplus: str | None) -> Self:
        """surplus: the fault of a row with more cells than the header."""
        row_id, label, writer = cells["id"].strip(), cells.get("label", "").strip(), cells.get("writer", "").strip()
        image, audio = (_file(cells.get(column, "")) for column in ("image", "audio"))
        match = _LABEL.fullmatch(label)
        fault = surplus
        if fault is None and not 0 < len(row_id) <= MAX_ID_CHARACTERS:
            fault = f"column id: expected an id of 1 to {MAX_ID_CHARACTERS} characters, got {len(row_id) or 'none'}"
        if fault is None and image is None and audio is None:
            fault = "columns image and audio: expected an image, an audio file or both, got neither"
        if fault is None and label and label.lower() not in _EMPTY and match is None:
            fault = f"column label: expected a label from 0 to 9 or none, got {printable(label, 20)}"
        return cls(line, cells, row_id, image, audio, int(match[1]) if match else None, writer, fault)


def manifest_rows(table: Table) -> Iterator[ManifestRow]:
    """The rows of a table with COLUMNS and REQUIRED. Raises DataError as the table does."""
    places = [(column, table.columns.index(column)) for column in COLUMNS if column in table.columns]
    width = len(table.columns)
    for row in table:
        cells = {column: row.cells[place] if place < len(row.cells) else "" for column, place in places}
        surplus = None
        if len(row.cells) > width:
            surplus = (
                f"expected {width} cells as in the header, got {len(row.cells)}, the last "
                f"'{printable(row.cells[-1].strip())}'; put quotes around a cell that holds the separator"
            )
        yield ManifestRow.of(row.line, cells, surplus)


def _file(cell: str) -> str | None:
    word = cell.strip()
    return cell if word and word.lower() not in _EMPTY else None
