"""The changes of a field: read with the value that they are of, and put where the rules of each kind allow it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.people import person_of
from mmdigit.forms.store.ports import Change, ChangeOutcome, FieldRecord, NewChange, StoredValue
from mmdigit.forms.store.tables import CHANGES, VALUES
from schemas.printable import escaped


def put_change(connection: Connection, page_id: int | None, new: NewChange) -> ChangeOutcome:
    """Keep a change if it may be; the caller holds the page's lock."""
    if page_id is None:
        return "no_field"
    record = next(iter(records_of(connection, [page_id], [(page_id, new.name)])[page_id]), None)
    if record is None:
        return "no_field"
    change = replace(new.change, by=escaped(new.change.by))
    outcome = _outcome(record, change, new.seen)
    if outcome != "kept":
        return outcome
    after = FieldRecord(record.value, (*record.changes, change)).text if change.kind == "undo" else change.text
    connection.execute(
        CHANGES.insert().values(
            page_id=page_id, name=new.name, kind=change.kind, before=record.text, after=after,
            changed_by=change.by, changed_us=to_us(change.at), share=change.share,
        )
    )  # fmt: skip
    return "kept"


def _outcome(record: FieldRecord, change: Change, seen: int) -> ChangeOutcome:
    """What becomes of a change to a field; "kept" if it is to be kept."""
    outdated = len(record.changes) != seen
    match change.kind:
        case "control":
            if record.control is not None:
                return "known" if record.control.text == change.text else "outdated"
            return "kept" if record.value.decision == "accept" else "no_field"
        case "undo":
            last = record.changes[-1] if record.changes else None
            if last is not None and (last.kind, last.by, len(record.changes)) == ("undo", change.by, seen + 1):
                return "known"
            mine = bool(record.standing) and record.standing[-1].by == change.by
            return "kept" if mine and not outdated else "outdated"
        case "first" | "second":
            same = record.second if change.kind == "second" else record.first
            if same is not None and (same.kind, same.by, same.text) == (change.kind, change.by, change.text):
                return "known"
            if outdated or same is not None:
                return "outdated"
            first = record.first
            if change.kind == "second" and (first is None or person_of(first.by) == person_of(change.by)):
                return "no_field"
            return "kept"
        case "correction":
            if record.source == "person" and record.text == change.text:
                return "known"
            return "outdated" if outdated else "kept"


def records_of(
    connection: Connection, page_ids: Sequence[int], only: Collection[tuple[int, str]] | None = None
) -> dict[int, list[FieldRecord]]:
    """The fields of each page, with their changes. only: those that are wanted, by page and name; None = all."""
    records: dict[int, list[FieldRecord]] = defaultdict(list)
    if not page_ids:
        return records
    changes = changes_of(connection, page_ids)
    query = select(VALUES).where(VALUES.c.page_id.in_(page_ids)).order_by(VALUES.c.page_id, VALUES.c.position)
    if only is not None:
        query = query.where(VALUES.c.name.in_(sorted({name for _, name in only})))
    for row in connection.execute(query):
        if only is not None and (row.page_id, row.name) not in only:
            continue
        records[row.page_id].append(FieldRecord(value_of(row), tuple(changes.get((row.page_id, row.name), ()))))
    return records


def changes_of(connection: Connection, page_ids: Sequence[int]) -> dict[tuple[int, str], list[Change]]:
    """The changes of fields by page and name, oldest first; without fields that have none."""
    changes: dict[tuple[int, str], list[Change]] = defaultdict(list)
    for row in connection.execute(select(CHANGES).where(CHANGES.c.page_id.in_(page_ids)).order_by(CHANGES.c.id)):
        change = Change(row.kind, row.after, row.changed_by, from_us(row.changed_us), row.share)
        changes[row.page_id, row.name].append(change)
    return changes


def value_of(row: Row[Any]) -> StoredValue:
    """A row of VALUES."""
    return StoredValue(row.name, row.text, row.decision, tuple(row.reasons.split()), row.chance, row.model_version)
