"""The rows of the tables as pages, fields and values, and back; text from outside is kept escaped."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.cells.reader import CellState
from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.ports import StoredCell, StoredField, StoredPage, StoredValue
from mmdigit.forms.store.tables import NO_PAGE, NO_SERIAL, PAGES
from schemas.printable import escaped

CHUNK = 500  # pages that are in memory at once, and names in one query


def page_row(page: StoredPage) -> dict[str, object]:
    return {
        "page_group": page.group,
        "form": page.form,
        "revision": page.revision,
        "template": page.template,
        "file_name": escaped(page.file_name),
        "file_sha256": page.file_sha256,
        "number": page.number,
        "scanner": escaped(page.scanner),
        "received_us": to_us(page.received_at),
        "state": page.state,
        "message": escaped(page.message),
        "serial": NO_SERIAL if page.serial is None else page.serial,
        "page": NO_PAGE if page.page is None else page.page,
        "handwriting": page.handwriting,
    }


def field_rows(page_id: int, page: StoredPage) -> Iterator[dict[str, object]]:
    for position, field in enumerate(page.fields):
        cells = json.dumps([_cell_row(cell) for cell in field.cells], separators=(",", ":"))
        yield {
            "page_id": page_id, "position": position, "name": field.name, "frame_found": field.frame_found,
            "cells": cells, "crop": field.crop,
        }  # fmt: skip


def value_row(page_id: int, position: int, value: StoredValue) -> dict[str, object]:
    return {
        "page_id": page_id, "position": position, "name": value.name, "text": value.text, "decision": value.decision,
        "reasons": " ".join(value.reasons), "chance": value.chance, "model_version": escaped(value.model_version),
    }  # fmt: skip


def field_of(row: Any, crop: bytes) -> StoredField:
    cells = tuple(_cell_of(*cell) for cell in json.loads(row.cells))
    return StoredField(row.name, row.frame_found, cells, crop)


def _cell_row(cell: StoredCell) -> list[Any]:
    """As FIELDS keeps a box."""
    row: list[Any] = [cell.state, cell.ink_mm2, cell.job_id]
    if cell.line is None:
        return row
    line = cell.line
    return [*row, [line.probabilities, line.reasons, line.least_chance, line.model_version]]


def _cell_of(state: CellState, ink_mm2: float, job_id: str | None, line: Sequence[Any] | None = None) -> StoredCell:
    if line is None:
        return StoredCell(state, ink_mm2, job_id)
    probabilities, reasons, least_chance, model_version = line
    read = ReadLine(tuple(map(tuple, probabilities)), tuple(reasons), least_chance, model_version)
    return StoredCell(state, ink_mm2, job_id, read)


def page_of(
    row: Row[Any], fields: Iterable[StoredField] = (), heard: Mapping[str, HeardField] | None = None
) -> StoredPage:
    return StoredPage(
        group=row.page_group, form=row.form, revision=row.revision, template=row.template, file_name=row.file_name,
        file_sha256=row.file_sha256, number=row.number, scanner=row.scanner, received_at=from_us(row.received_us),
        state=row.state, message=row.message, serial=None if row.serial == NO_SERIAL else row.serial,
        page=None if row.page == NO_PAGE else row.page, handwriting=bytes(row.handwriting), fields=tuple(fields),
        heard=heard or {},
    )  # fmt: skip


def page_order(row: Row[Any]) -> tuple[Any, ...]:
    """By which rows of PAGES are sorted as PageStore.pages orders pages."""
    if row.serial == NO_SERIAL:
        return (0, row.file_name, row.file_sha256, row.number, row.id)
    return (1, row.serial, row.page, row.received_us, row.id)


def page_ids(connection: Connection, groups: Collection[str], *, lock: bool = False) -> dict[str, int]:
    """The number of each page that is kept. lock: until the transaction ends, nobody else locks them."""
    found: dict[str, int] = {}
    for chunk in chunks(sorted(set(groups))):
        query: Select[Any] = select(PAGES.c.page_group, PAGES.c.id).where(PAGES.c.page_group.in_(chunk))
        for group, number in connection.execute(query.order_by(PAGES.c.id).with_for_update() if lock else query):
            found[group] = number
    return found


def chunks(names: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """CHUNK of them at once."""
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]
