"""PageStore on SQLite and PostgreSQL: the same statements for both."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    case,
    exists,
    func,
    select,
    tuple_,
    update,
)

from mmdigit.database.engine import open_engine
from mmdigit.database.schema import to_us
from mmdigit.database.sql_database import SqlStore
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.changes import put_change, records_of
from mmdigit.forms.store.heard import heard_of, put_heard, sound_of
from mmdigit.forms.store.ports import (
    ChangeOutcome,
    FieldRecord,
    NewChange,
    PageCounts,
    StoredField,
    StoredPage,
    StoredValue,
)
from mmdigit.forms.store.rows import (
    CHUNK,
    chunks,
    field_of,
    field_rows,
    page_ids,
    page_of,
    page_order,
    page_row,
    value_row,
)
from mmdigit.forms.store.tables import CHANGES, FIELDS, FORMS, NO_SERIAL, PAGES, SCHEMA, VALUES
from mmdigit.settings.redaction import redact

_BY_SCAN = (PAGES.c.file_name, PAGES.c.file_sha256, PAGES.c.number, PAGES.c.id)
_BY_SERIAL = (PAGES.c.serial, PAGES.c.page, PAGES.c.received_us, PAGES.c.id)


def open_page_store(url: str, password: SecretStr | None = None, *, create: bool = True) -> "SqlPageStore":
    """Open the database at url (mmdigit.database.engine), and create its tables if there are none.

    create: make a SQLite file that is not there.

    Raises SettingsError for an invalid URL, another program's file or another release's tables, AccessError if access
    is refused, StoreError if it cannot be reached.
    """
    return SqlPageStore(open_engine(url, FORMS, password, create=create), redact(url))


class SqlPageStore(SqlStore):
    """Pages, fields, values and changes in tables."""

    def __init__(self, engine: Engine, place: str) -> None:
        super().__init__(engine, SCHEMA, place)

    def put_pages(self, pages: Sequence[StoredPage]) -> None:
        by_group = {page.group: page for page in reversed(pages)}
        if not by_group:
            return
        # In order of their keys, so that two programs that put the same pages do not wait for each other in a circle.
        rows = [page_row(by_group[group]) for group in sorted(by_group)]
        put = self._database.insert(PAGES)
        put = put.on_conflict_do_update(
            index_elements=[PAGES.c.page_group],
            set_={name: put.excluded[name] for name in rows[0]},
            where=(PAGES.c.state == "unreadable") & (put.excluded.state != "unreadable"),
        )
        with self._database.transaction() as connection:
            added = connection.execute(put.returning(PAGES.c.id, PAGES.c.page_group), rows).all()
            fields = [row for number, group in added for row in field_rows(number, by_group[group])]
            if fields:
                connection.execute(FIELDS.insert(), fields)
            for number, group in added:
                put_heard(connection, number, by_group[group])

    def known_groups(self, groups: Sequence[str]) -> frozenset[str]:
        with self._database.reading() as connection:
            return frozenset(page_ids(connection, groups))

    def pages_of_file(self, file_sha256: str, template: str) -> list[StoredPage]:
        query = select(PAGES).where(PAGES.c.file_sha256 == file_sha256, PAGES.c.template == template)
        with self._database.reading() as connection:
            return [page_of(row) for row in connection.execute(query.order_by(PAGES.c.number))]

    def unread_pages(self, template: str, limit: int, after: int = 0) -> list[tuple[int, StoredPage]]:
        query = select(PAGES).where(
            PAGES.c.template == template, PAGES.c.state == "read", PAGES.c.accepted.is_(None), PAGES.c.id > after
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(PAGES.c.id).limit(limit)).all()
            fields: dict[int, list[StoredField]] = defaultdict(list)
            heard: dict[int, dict[str, HeardField]] = {}
            for chunk in chunks([row.id for row in rows]):
                wanted = select(
                    FIELDS.c.page_id, FIELDS.c.name, FIELDS.c.frame_found, FIELDS.c.cells
                ).where(FIELDS.c.page_id.in_(chunk))  # fmt: skip
                for row in connection.execute(wanted.order_by(FIELDS.c.page_id, FIELDS.c.position)):
                    fields[row.page_id].append(field_of(row, b""))
                heard |= heard_of(connection, chunk)
        return [(row.id, page_of(row, fields[row.id], heard.get(row.id))) for row in rows]

    def put_values(self, values: Mapping[str, Sequence[StoredValue]]) -> frozenset[str]:
        kept = set()
        with self._database.transaction() as connection:
            for group in sorted(values):
                accepted = sum(value.decision == "accept" for value in values[group])
                counted = connection.execute(
                    update(PAGES)
                    .where(PAGES.c.page_group == group, PAGES.c.state == "read", PAGES.c.accepted.is_(None))
                    .values(accepted=accepted, review=len(values[group]) - accepted)
                    .returning(PAGES.c.id)
                ).scalar_one_or_none()
                if counted is None:
                    continue
                kept.add(group)
                rows = [value_row(counted, position, value) for position, value in enumerate(values[group])]
                if rows:
                    connection.execute(VALUES.insert(), rows)
        return frozenset(kept)

    def pages(self, template: str) -> Iterator[tuple[StoredPage, tuple[FieldRecord, ...]]]:
        of_template = select(PAGES).where(PAGES.c.template == template).limit(CHUNK)
        yield from self._in_order(of_template.where(PAGES.c.serial == NO_SERIAL), _BY_SCAN)
        yield from self._in_order(of_template.where(PAGES.c.serial > NO_SERIAL), _BY_SERIAL)

    def pages_of(self, groups: Collection[str], template: str) -> Iterator[tuple[StoredPage, tuple[FieldRecord, ...]]]:
        found: list[Row[Any]] = []
        with self._database.reading() as connection:
            for chunk in chunks(sorted(set(groups))):
                query = select(PAGES.c.serial, PAGES.c.page, PAGES.c.received_us, *_BY_SCAN).where(
                    PAGES.c.page_group.in_(chunk)
                )
                found.extend(connection.execute(query.where(PAGES.c.template == template)))
        found.sort(key=page_order)
        without = [row for row in found if row.serial == NO_SERIAL]
        for rows, order in ((without, _BY_SCAN), (found[len(without) :], _BY_SERIAL)):
            for ids in chunks([row.id for row in rows]):
                yield from self._in_order(select(PAGES).where(PAGES.c.id.in_(ids)).limit(CHUNK + 1), order)

    def fields(self, group: str) -> tuple[StoredField, ...]:
        query = select(FIELDS).join(PAGES).where(PAGES.c.page_group == group).order_by(FIELDS.c.position)
        with self._database.reading() as connection:
            return tuple(field_of(row, bytes(row.crop)) for row in connection.execute(query))

    def heard(self, group: str) -> Mapping[str, HeardField] | None:
        query = select(PAGES.c.id).where(PAGES.c.page_group == group, PAGES.c.state != "unreadable")
        with self._database.reading() as connection:
            page_id = connection.execute(query).scalar_one_or_none()
            return None if page_id is None else heard_of(connection, [page_id]).get(page_id, {})

    def sound(self, group: str, name: str) -> bytes | None:
        with self._database.reading() as connection:
            return sound_of(connection, group, name)

    def records(self, groups: Sequence[str]) -> dict[str, dict[str, FieldRecord]]:
        with self._database.reading() as connection:
            ids = page_ids(connection, groups)
            found = {number: group for group, number in ids.items()}
            return {
                found[number]: {record.value.name: record for record in records}
                for chunk in chunks(list(found))
                for number, records in records_of(connection, chunk).items()
            }

    def put_changes(self, changes: Sequence[NewChange]) -> list[ChangeOutcome]:
        with self._database.transaction() as connection:
            ids = page_ids(connection, [new.group for new in changes], lock=True)
            return [put_change(connection, ids.get(new.group), new) for new in changes]

    def controlled(self, template: str, since: datetime | None = None) -> Iterator[tuple[StoredPage, FieldRecord]]:
        control = _controls(template)
        if since is not None:
            control = control.where(PAGES.c.received_us >= to_us(since))
        yield from self._controlled(control)

    def controlled_of(self, groups: Collection[str], template: str) -> Iterator[tuple[StoredPage, FieldRecord]]:
        for chunk in chunks(sorted(set(groups))):
            yield from self._controlled(_controls(template).where(PAGES.c.page_group.in_(chunk)))

    def counts(self, template: str) -> PageCounts:
        with self._database.reading() as connection:
            return PageCounts(*_counted(connection, PAGES.c.template == template))

    def counts_of(self, groups: Collection[str]) -> PageCounts:
        with self._database.reading() as connection:
            of_chunks = [_counted(connection, PAGES.c.page_group.in_(chunk)) for chunk in chunks(sorted(set(groups)))]
        return PageCounts(*map(sum, zip(*of_chunks, strict=True))) if of_chunks else PageCounts(0, 0, 0, 0, 0)

    def other_versions(self, form: str, template: str) -> int:
        query = select(func.count()).where(PAGES.c.form == form, PAGES.c.template != template)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _controlled(self, control: Select[Any]) -> Iterator[tuple[StoredPage, FieldRecord]]:
        """control: selects changes with their pages."""
        after = 0
        while True:
            with self._database.reading() as connection:
                query = control.where(CHANGES.c.id > after).order_by(CHANGES.c.id).limit(CHUNK)
                rows = connection.execute(query).all()
                records = records_of(connection, sorted({row.id for row in rows}))
            for row in rows:
                found = next(record for record in records[row.id] if record.value.name == row.name)
                if found.control is not None:
                    yield page_of(row), found
            if len(rows) < CHUNK:
                return
            after = rows[-1].change

    def _in_order(
        self, query: Select[Any], order: Sequence[Column[Any]]
    ) -> Iterator[tuple[StoredPage, tuple[FieldRecord, ...]]]:
        """Pages with their values, CHUNK at once. order: by which no two pages are equal."""
        query, rows = query.order_by(*order), list[Row[Any]]()
        while True:
            after = tuple(getattr(rows[-1], column.name) for column in order) if rows else None
            with self._database.reading() as connection:
                found = query if after is None else query.where(tuple_(*order) > after)
                rows = list(connection.execute(found))
                values = records_of(connection, [row.id for row in rows])
            for row in rows:
                yield page_of(row), tuple(values[row.id])
            if len(rows) < CHUNK:
                return


def _controls(template: str) -> Select[Any]:
    """The first control of each field that has one; it may have been taken back and followed by another."""
    earlier = CHANGES.alias()
    again = exists().where(
        earlier.c.page_id == CHANGES.c.page_id, earlier.c.name == CHANGES.c.name, earlier.c.kind == "control",
        earlier.c.id < CHANGES.c.id,
    )  # fmt: skip
    control = select(CHANGES.c.id.label("change"), CHANGES.c.name, PAGES).join(PAGES)
    return control.where(PAGES.c.template == template, CHANGES.c.kind == "control", ~again)


def _counted(connection: Connection, which: ColumnElement[bool]) -> tuple[int, ...]:
    """The fields of PageCounts."""
    unread = case((PAGES.c.accepted.is_(None) & (PAGES.c.state == "read"), 1), else_=0)
    query = select(
        func.count(), func.sum(unread), func.sum(case((PAGES.c.state != "read", 1), else_=0)),
        func.sum(PAGES.c.accepted), func.sum(PAGES.c.review),
    ).where(which)  # fmt: skip
    return tuple(int(number or 0) for number in connection.execute(query).one())
