"""The table as a file: CSV, JSON Lines or Parquet, by the file's name; it appears only when it is whole."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmdigit.files.atomic import atomic_write, atomic_write_binary
from mmdigit.files.predictions_csv import safe_cell
from mmdigit.forms.table.rows import FIELD_COLUMNS, FieldCells, FormRow
from mmdigit.forms.template.layout import FORM_COLUMNS, Slot
from mmdigit.forms.template.template import Template
from schemas.errors import SettingsError
from schemas.printable import printable

SUFFIXES = (".csv", ".jsonl", ".parquet")
ROWS_AT_ONCE = 1_000  # of a Parquet file
_BOM = "\ufeff"  # without it, Excel takes UTF-8 for the machine's own encoding
_DIGITS = re.compile(r"[0-9?]+")

Write = Callable[[FormRow], object]


@contextmanager
def open_table(path: Path, template: Template, slots: Sequence[Slot], *, excel: bool = False) -> Iterator[Write]:
    """Yields what writes a row. slots: every field, in order.

    excel: a CSV for Excel alone, in which digits stand as ="0012" and so keep their leading zeros.
    Raises SettingsError for another suffix, DataError if the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES or (excel and kind != ".csv"):
        wanted = ".csv with --excel" if excel else " or ".join(SUFFIXES)
        raise SettingsError(f"expected a table in {wanted}, got {printable(path.name, 200)}; name another --output")
    if kind == ".parquet":
        with _parquet(path, template, slots) as write:
            yield write
        return
    with atomic_write(path) as file:
        if kind == ".jsonl":
            yield lambda row: file.write(f"{json.dumps(form_object(template, row))}\n")
            return
        if excel:
            file.write(_BOM)
        table = csv.writer(file)
        table.writerow(columns(slots))
        yield lambda row: table.writerow(_csv_cells(template, row, excel=excel))


def columns(slots: Sequence[Slot]) -> list[str]:
    """Of CSV and Parquet: FORM_COLUMNS, then of each field its name, and FIELD_COLUMNS after the name and a point."""
    fields = [name for slot in slots for name in (slot.name, *(f"{slot.name}.{column}" for column in FIELD_COLUMNS))]
    return [*FORM_COLUMNS, *fields]


def form_object(template: Template, row: FormRow) -> dict[str, Any]:
    """A row as JSON: the fields by their names, each with value and FIELD_COLUMNS; what is not known is null."""
    return {
        "form": template.form,
        "revision": template.revision,
        "serial": row.serial,
        "pages": list(row.pages),
        "decision": row.decision,
        "template": template.digest,
        "fields": {
            cells.slot.name: {"value": cells.value}
            | {
                name: list(cells.reasons) if name == "reasons" else getattr(cells, name) if getattr(cells, name) != ""
                else None
                for name in FIELD_COLUMNS
            }
            for cells in row.fields
        },
    }  # fmt: skip


def _form_cells(template: Template, row: FormRow) -> list[Any]:
    return [template.form, template.revision, row.serial, ";".join(row.pages), row.decision, template.digest]


def _csv_cells(template: Template, row: FormRow, *, excel: bool) -> list[str]:
    cells = [safe_cell(str(cell)) for cell in _form_cells(template, row)]
    for field in row.fields:
        value = safe_cell(field.value)
        if excel and field.slot.field.type == "digits" and _DIGITS.fullmatch(value):
            value = f'="{value}"'
        chance = "" if field.chance is None else f"{field.chance:.6f}"
        rest = [getattr(field, name) for name in FIELD_COLUMNS[3:]]
        cells += [value, field.decision, ";".join(field.reasons), chance, *map(safe_cell, rest)]
    return cells


@contextmanager
def _parquet(path: Path, template: Template, slots: Sequence[Slot]) -> Iterator[Write]:
    import pyarrow as pa  # here: it takes 37 MB, which a gateway without such an export need not have
    import pyarrow.parquet as pq

    names = columns(slots)
    kinds = {"revision": pa.int32(), "serial": pa.int64()}
    kinds |= {f"{slot.name}.chance": pa.float64() for slot in slots}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    waiting: list[list[Any]] = []
    with atomic_write_binary(path) as file, pq.ParquetWriter(file, schema) as table:

        def flush() -> None:
            of_columns = zip(zip(*waiting, strict=True), schema.types, strict=True)
            arrays = [pa.array(cells, kind) for cells, kind in of_columns]
            table.write_table(pa.Table.from_arrays(arrays, schema=schema))
            waiting.clear()

        def write(row: FormRow) -> None:
            waiting.append([*_form_cells(template, row), *(cell for field in row.fields for cell in _flat(field))])
            if len(waiting) == ROWS_AT_ONCE:
                flush()

        yield write
        if waiting:
            flush()


def _flat(field: FieldCells) -> list[Any]:
    rest = [getattr(field, name) for name in FIELD_COLUMNS[3:]]
    return [field.value, field.decision, ";".join(field.reasons), field.chance, *rest]
