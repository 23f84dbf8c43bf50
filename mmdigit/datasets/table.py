"""Streams a table that Excel, Numbers, LibreOffice or pandas wrote: finds its encoding and separator, yields rows."""

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
"""Including line ends within quoted cells; the same as csv's own limit for one cell."""

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
    """One row. line: number of its first line in the file, from 1. cells: not stripped."""

    line: int
    cells: list[str]


class Table:
    """An open table: its header, and its rows, which can be read once."""

    def __init__(self, name: str, columns: list[str], separator: str, lines: "_Lines", reader: Iterator[list[str]]):
        self.name = name
        """Printable and bounded, for messages."""
        self.columns = columns
        """The header's cells, stripped and in lower case. The last is never empty."""
        self.separator = separator
        self._lines = lines
        self._reader = reader

    def __iter__(self) -> Iterator[TableRow]:
        """The rows that are not empty. Empty cells beyond the header's width are removed.

        A byte that is not UTF-8 is a surrogate in its cell (errors="surrogateescape").
        Raises DataError with the line number if the file is not a table.
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
        """Raises DataError if a row is too short because it uses another separator than the header."""
        if len(cells) >= len(self.columns):
            return
        for other in SEPARATORS:
            if other != self.separator and sum(cell.count(other) for cell in cells) + len(cells) >= len(self.columns):
                raise DataError(
                    f"{self.name} line {line}: expected cells separated by {_name_of(self.separator)} as in the "
                    f"header, got {_name_of(other)}; use one separator throughout"
                )


@contextmanager
def open_table(path: Path, known: Collection[str], required: Collection[Collection[str]]) -> Iterator[Table]:
    """The table in a file. known: columns with a meaning; required: sets of columns, each needs at least one present.

    Encoding: UTF-8 with or without a byte order mark, or UTF-16 or UTF-32 with one. Separator: comma, semicolon or
    tab, as the header shows, or as a first line `sep=X` declares. Line ends: LF, CR LF or CR. Memory is bounded by
    MAX_ROW_CHARACTERS.
    Raises DataError if the file cannot be read, is not such a table, or repeats a known column.
    """
    name = printable(str(path), 200)
    try:
        with open_regular(path) as file, read_table(file, name, known, required) as table:
            yield table
    except OSError as exc:
        raise DataError(
            f"expected a CSV manifest or a folder at {name}, cannot read it ({exc.strerror}); check the path"
        ) from exc


@contextmanager
def read_table(
    file: io.BufferedReader, name: str, known: Collection[str], required: Collection[Collection[str]]
) -> Iterator[Table]:
    """The table in an open file, as open_table. name: printable and bounded, for messages."""
    try:
        lines = _Lines(name, _text(file, name))
        try:
            yield _read_header(name, lines, known, required)
        except csv.Error as exc:
            raise DataError(f"{name} line {lines.row}: {exc}; is a quote missing?") from exc
    except UnicodeDecodeError as exc:
        raise DataError(f"{name} after line {lines.count}: expected {exc.encoding}; {SAVE_AS}") from exc


class _Lines:
    """Lines for csv.reader, counted and bounded."""

    def __init__(self, name: str, text: TextIO) -> None:
        self._name = name
        self._text = text
        self._characters = 0
        self.count = 0
        self.row = 1
        """Number of the first line of the current row."""

    def begin_row(self) -> int:
        """Call before each row. Returns the number of its first line."""
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
    # peek, not read: the decoder needs the byte order mark.
    start = file.peek(4)[:4]
    if start.startswith(_WORKBOOKS):
        raise DataError(f"expected {name} to be text, got a workbook; {SAVE_AS}")
    encoding = next((encoding for mark, encoding in _BOMS if start.startswith(mark)), "utf-8")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    return io.TextIOWrapper(file, encoding, errors, newline="")


def _read_header(name: str, lines: _Lines, known: Collection[str], required: Collection[Collection[str]]) -> Table:
    first, declared = "", None
    while not first.strip("".join(SEPARATORS) + " \r\n\"'"):
        lines.begin_row()
        first = next(lines, "")
        if not first:
            raise DataError(f"expected {name} to begin with a header such as id,image,audio,label, got nothing")
        if lines.count == 1 and _SEP_ANYTHING.fullmatch(first.rstrip("\r\n")):
            declared, first = _declared_separator(name, first), ""
    fitting = [
        separator
        for separator in ([declared] if declared else SEPARATORS)
        if all(set(columns) & set(_columns(first, separator)) for columns in required)
    ]
    if not fitting:
        _refuse_header(name, lines.row, first, declared)
    separator = fitting[0]
    reader = csv.reader(chain([first], lines), delimiter=separator, skipinitialspace=True, strict=True)
    columns = [_column(cell) for cell in next(reader)]
    while not columns[-1]:
        # Otherwise the second half of an unquoted 7,5 would count as a cell of an unnamed column.
        columns.pop()
    for column in columns:
        for other in SEPARATORS:
            if other in column and other != separator and set(_columns(column, other)) & set(known):
                raise DataError(
                    f"{name} line {lines.row}: expected one separator, got {_name_of(separator)} and {_name_of(other)} "
                    "in the header; use one throughout"
                )
    for column in sorted(known):
        if columns.count(column) > 1:
            second = columns.index(column, columns.index(column) + 1) + 1
            raise DataError(
                f"{name} line {lines.row}: expected each column once, got {column} as columns "
                f"{columns.index(column) + 1} and {second}; remove one of them"
            )
    return Table(name, columns, separator, lines, reader)


def _declared_separator(name: str, line: str) -> str:
    match = _SEP_LINE.fullmatch(line.rstrip("\r\n"))
    if match is None:
        raise DataError(f"{name} line 1: expected sep= and one mark, got {printable(line.strip())}; remove the line")
    return "\t" if match[2] == "\\t" else match[2]


def _columns(line: str, separator: str) -> list[str]:
    """The header's cells split at this separator; not strict, because it may be the wrong one."""
    row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return [_column(cell) for cell in row]


def _column(cell: str) -> str:
    name = cell.strip().strip("\ufeff\"'").strip().lower()
    return name.replace("i\u0307", "i").replace("\u0131", "i")  # Turkish locales pair i with İ and ı with I


def _refuse_header(name: str, line: int, first: str, declared: str | None) -> NoReturn:
    separated = f"{_name_of(declared)} as line 1 says" if declared else "commas, semicolons or tabs"
    raise DataError(
        f"{name} line {line}: expected a header such as id,image,audio,label (id, and image or audio or both), "
        f"separated by {separated}, got {printable(first.strip())}; add the header, or {SAVE_AS}"
    )


def _name_of(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs"}.get(separator, f"the mark {separator}")
