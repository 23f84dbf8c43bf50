"""A table as Excel, Numbers, LibreOffice and pandas write it: its encoding, its separator, its rows, streamed."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NoReturn, TextIO

from mmdigit.files.regular import open_regular
from schemas.errors import DataError
from schemas.printable import printable

SEPARATORS = (",", ";", "\t")
MAX_ROW_CHARACTERS = 131_072
"""Of one row, the line ends within its quoted cells included: csv's own limit of a cell."""

_BOMS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .numbers are ZIP files; .xls
SAVE_AS = "save it as CSV UTF-8 (in Excel: Save As, type CSV UTF-8)"
_SEP_LINE = re.compile(r"""("?)sep=(\\t|[^\s\w"'\\]|\t)\1[,;\t]*""", re.IGNORECASE)
_SEP_ANYTHING = re.compile(r'"?sep=.{0,2}"?[,;\t]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. line: its first line in the file, from 1. cells: as they stand there, unstripped."""

    line: int
    cells: list[str]


class Table:
    """The header and the rows of an open table; rows may be read once."""

    def __init__(self, name: str, columns: list[str], separator: str, lines: "_Lines", reader: Iterator[list[str]]):
        self.name = name
        """For messages: printable, bounded."""
        self.columns = columns
        """The header's cells, stripped and in lower case; any but the last may be empty."""
        self.separator = separator
        self._lines = lines
        self._reader = reader

    def __iter__(self) -> Iterator[TableRow]:
        """The rows that hold more than separators. A cell beyond the header is there only if it is not empty.

        A byte that is not UTF-8 is a surrogate in its cell (errors="surrogateescape").
        Raises DataError, with the line, where the file is no table.
        """
        while True:
            line = self._lines.begin_row()
            cells = next(self._reader, None)
            if cells is None:
                return
            while len(cells) > len(self.columns) and not cells[-1].strip():
                del cells[-1]
            if any(map(str.strip, cells)):
                self._refuse_other_separator(line, cells)
                yield TableRow(line, cells)

    def _refuse_other_separator(self, line: int, cells: list[str]) -> None:
        """A row that is short because it is separated by something else than the header, in part or throughout."""
        if len(cells) >= len(self.columns):
            return
        for other in SEPARATORS:
            if other != self.separator and sum(cell.count(other) for cell in cells) + len(cells) >= len(self.columns):
                raise DataError(
                    f"{self.name} line {line}: expected cells separated by {_shown(self.separator)} as in the header, "
                    f"got {_shown(other)}; use one separator throughout"
                )


@contextmanager
def open_table(path: Path, known: Collection[str], required: Collection[Collection[str]]) -> Iterator[Table]:
    """The table in a file. known: the columns that mean something; required: of each of these sets, one must be there.

    UTF-8, with or without a byte order mark, or UTF-16 or UTF-32 with one; commas, semicolons or tabs, whichever the
    header shows, or what a first line `sep=X` says; lines end in LF, CR LF or CR. Memory is bounded by
    MAX_ROW_CHARACTERS.
    Raises DataError if the file cannot be read, is no such table, or gives a known column twice.
    """
    name = printable(str(path), 200)
    try:
        with open_regular(path) as file:
            lines = _Lines(name, _text(file, name))
            try:
                yield _begin(name, lines, known, required)
            except csv.Error as exc:
                raise DataError(f"{name} line {lines.row}: {exc}; is a quote missing?") from exc
    except OSError as exc:
        raise DataError(f"expected a manifest at {name}, it cannot be read ({exc.strerror}); check the path") from exc
    except UnicodeDecodeError as exc:
        raise DataError(f"{name} after line {lines.count}: expected {exc.encoding}; {SAVE_AS}") from exc


class _Lines:
    """The lines of a text, counted and bounded; feeds csv.reader."""

    def __init__(self, name: str, text: TextIO) -> None:
        self._name = name
        self._text = text
        self._characters = 0
        self.count = 0
        self.row = 1
        """The first line of the row that is being read."""

    def begin_row(self) -> int:
        """Called before each row. Returns the number of its first line."""
        self._characters = 0
        self.row = self.count + 1
        return self.row

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self._characters += len(line)
        if self._characters > MAX_ROW_CHARACTERS:
            raise DataError(
                f"{self._name} line {self.row}: expected a row of at most {MAX_ROW_CHARACTERS} characters, got more; "
                "is a quote missing?"
            )
        if "\0" in line:
            raise DataError(f"{self._name} line {self.count}: expected text, got a NUL byte; {SAVE_AS}")
        return line


def _text(file: io.BufferedReader, name: str) -> TextIO:
    # peek and not read: a byte order mark belongs to the decoder.
    start = file.peek(4)[:4]
    if start.startswith(_WORKBOOKS):
        raise DataError(f"expected {name} to be text, got a workbook; {SAVE_AS}")
    encoding = next((encoding for mark, encoding in _BOMS if start.startswith(mark)), "utf-8")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    return io.TextIOWrapper(file, encoding, errors, newline="")


def _begin(name: str, lines: _Lines, known: Collection[str], required: Collection[Collection[str]]) -> Table:
    first, said = "", None
    while not first.strip("".join(SEPARATORS) + " \r\n\"'"):
        lines.begin_row()
        first = next(lines, "")
        if not first:
            raise DataError(f"expected {name} to begin with a header such as id,image,audio,label, got nothing")
        if lines.count == 1 and _SEP_ANYTHING.fullmatch(first.rstrip("\r\n")):
            said, first = _said(name, first), ""
    fitting = [
        separator
        for separator in ([said] if said else SEPARATORS)
        if all(set(columns) & set(_columns(first, separator)) for columns in required)
    ]
    if not fitting:
        _refuse_header(name, lines.row, first, said)
    separator = fitting[0]
    reader = csv.reader(chain([first], lines), delimiter=separator, skipinitialspace=True, strict=True)
    columns = [_column(cell) for cell in next(reader)]
    while not columns[-1]:
        # A value below the empty end of a header is one too many: the second half of 7,5 is no column of its own.
        columns.pop()
    for column in columns:
        for other in SEPARATORS:
            if other in column and other != separator and set(_columns(column, other)) & set(known):
                raise DataError(
                    f"{name} line {lines.row}: expected one separator, got {_shown(separator)} and {_shown(other)} in "
                    "the header; use one throughout"
                )
    for column in sorted(known):
        if columns.count(column) > 1:
            second = columns.index(column, columns.index(column) + 1) + 1
            raise DataError(
                f"{name} line {lines.row}: expected each column once, got {column} as columns "
                f"{columns.index(column) + 1} and {second}; remove one of them"
            )
    return Table(name, columns, separator, lines, reader)


def _said(name: str, line: str) -> str:
    match = _SEP_LINE.fullmatch(line.rstrip("\r\n"))
    if match is None:
        raise DataError(f"{name} line 1: expected sep= and one mark, got {printable(line.strip())}; remove the line")
    return "\t" if match[2] == "\\t" else match[2]


def _columns(line: str, separator: str) -> list[str]:
    """The header's cells as that separator splits them; not strict, since it may be the wrong one."""
    row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return [_column(cell) for cell in row]


def _column(cell: str) -> str:
    name = cell.strip().strip("\ufeff\"'").strip().lower()
    return name.replace("i\u0307", "i").replace("\u0131", "i")  # Turkish programs pair i with İ, and I with ı


def _refuse_header(name: str, line: int, first: str, said: str | None) -> NoReturn:
    separated = f"{_shown(said)} as line 1 says" if said else "commas, semicolons or tabs"
    raise DataError(
        f"{name} line {line}: expected a header such as id,image,audio,label (id, and image or audio or both), "
        f"separated by {separated}, got {printable(first.strip())}; add the header, or {SAVE_AS}"
    )


def _shown(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs"}.get(separator, f"the mark {separator}")
