"""Reads a queue back: each line that somebody has filled in becomes a change, or says why not."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

from mmdigit.files.regular import read_regular
from mmdigit.forms.reviewing.typed import KEEP, same_value, typed_value
from mmdigit.forms.store.ports import Change, ChangeKind, ChangeOutcome, FieldRecord, NewChange, PageStore
from mmdigit.forms.table.rows import column_slots, named_slots
from mmdigit.forms.template.template import FormField, Template
from schemas.errors import DataError
from schemas.printable import printable

MAX_FILE_BYTES = 64 * 1024 * 1024
TOGETHER = 200  # lines
_NEEDED = ("id", "value")
_WHY_NOT: dict[ChangeOutcome, str] = {
    "outdated": "expected the field as it was when the queue was written, somebody has changed it since; look again",
    "no_field": "expected a field of this queue, got another; a control needs its own --share and --seed again",
}


@dataclass(frozen=True)
class Said:
    """Who says it, when, and what kind of change it is. share: of a control, as Change.share."""

    kind: ChangeKind
    by: str
    at: datetime
    share: float | None = None


@dataclass
class AnswerTally:
    """empty: lines without a value. known: values that the database holds already."""

    kept: int = 0
    known: int = 0
    empty: int = 0
    refused: int = 0


@dataclass(frozen=True)
class _Line:
    number: int
    group: str
    page: str
    name: str
    value: str
    seen: int


def read_answers(
    store: PageStore,
    template: Template,
    path: Path,
    said: Said,
    errors: TextIO,
    may: Callable[[str, str], bool] = lambda group, name: True,
) -> AnswerTally:
    """Keep what people have typed into a queue. Lines that are refused are told on errors; the others are kept.

    may: whether a field, by group and name, belongs to the queue. Raises DataError if the file is no queue.
    """
    fields = {(str(number), slot.name): slot.field for number, slot in named_slots(template)}
    named = {slot.name: slot.field for slot in column_slots(named_slots(template))}
    tally, shown = AnswerTally(), printable(path.name, 200)

    def refuse(line: _Line, why: str) -> None:
        tally.refused += 1
        errors.write(f"mmdigit: {shown}, line {line.number}, {printable(line.name, 80)}: {why}\n")

    lines = _lines(path, tally)
    while batch := list(islice(lines, TOGETHER)):
        records = store.records([line.group for line in batch])
        changes: list[tuple[_Line, NewChange]] = []
        for line in batch:
            record = records.get(line.group, {}).get(line.name)
            if record is None or line.name not in named or not may(line.group, line.name):
                refuse(line, _WHY_NOT["no_field"])
                continue
            try:
                field = fields.get((line.page, line.name), named[line.name])
                text = said_value(field, record, line.value, said.kind)
            except ValueError as exc:
                refuse(line, str(exc))
                continue
            change = Change(said.kind, text, said.by, said.at, said.share)
            changes.append((line, NewChange(line.group, line.name, change, line.seen)))
        outcomes = store.put_changes([change for _, change in changes])
        for (line, _), outcome in zip(changes, outcomes, strict=True):
            if outcome in _WHY_NOT:
                refuse(line, _WHY_NOT[outcome])
            else:
                tally.kept += outcome == "kept"
                tally.known += outcome == "known"
    return tally


def said_value(field: FormField, record: FieldRecord, text: str, kind: ChangeKind) -> str:
    """The value that a person means, written as what is known already if it means the same.

    Raises ValueError that says what was expected.
    """
    if kind in ("correction", "first") and text.strip().lower() == KEEP:
        if "?" in record.text:
            raise ValueError(f"expected the value, since it was read as {record.text!r}, got {KEEP}; type it")
        return record.text
    typed = typed_value(field, text)
    known = (record.text, *(change.text for change in record.standing))
    return next((each for each in known if same_value(field, typed, each)), typed)


def _lines(path: Path, tally: AnswerTally) -> Iterator[_Line]:
    name = printable(str(path), 200)
    try:
        # Spreadsheets save other encodings; what is read of a queue is ASCII.
        text = read_regular(path, MAX_FILE_BYTES).decode("utf-8-sig", errors="replace")
    except OSError as exc:
        raise DataError(f"expected a queue at {name}, it cannot be read ({exc.strerror}); check the path") from exc
    header = text.partition("\n")[0]
    # StringIO ends a line where CSV does; str.splitlines would also at a form feed within a cell.
    rows = io.StringIO(text, newline="")
    table = csv.reader(rows, delimiter=";" if header.count(";") > header.count(",") else ",")
    try:
        columns = next(table, [])
        if any(columns.count(column) != 1 for column in _NEEDED):
            raise DataError(f"expected the columns id and value in {name}, got {_names(columns)}; use the queue's file")
        for row in table:
            cells = dict(zip(columns, row, strict=False))
            value = cells.get("value", "").strip()
            if not value:
                tally.empty += bool(row)
                continue
            group, _, field = cells.get("id", "").rpartition(":")
            seen = cells.get("seen", "0")
            known = int(seen) if seen.isdecimal() and len(seen) < 6 else -1
            yield _Line(table.line_num, group, cells.get("page", ""), field, value, known)
    except csv.Error as exc:
        raise DataError(f"expected a CSV table in {name}, got: {exc} (line {table.line_num}); save it again") from exc


def _names(columns: Sequence[str]) -> str:
    return printable(", ".join(columns), 100) or "none"
