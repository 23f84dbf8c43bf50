"""ReviewStore on SQLite and PostgreSQL: the same statements for both.

Whoever claims or keys first locks the pages, in order of their numbers, so that nobody else does meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Row, delete, select, tuple_

from mmdigit.database.engine import open_engine
from mmdigit.database.sql_database import SqlStore
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.box_keys import box_keys_of, put_box_keys
from mmdigit.forms.store.changes import changes_of, put_change, records_of, value_of
from mmdigit.forms.store.heard import heard_of
from mmdigit.forms.store.leases import (
    box_of,
    claim_of,
    forget,
    holders,
    holds,
    is_free,
    lease,
    leases_of,
    mark,
    put_claim,
    renew,
)
from mmdigit.forms.store.ports import FieldRecord, NewChange
from mmdigit.forms.store.review_port import (
    BoxKey,
    Claimed,
    FieldPlace,
    Held,
    IsOpen,
    Kept,
    KeyOutcome,
    NewKey,
    Place,
    ReviewedField,
    ReviewedPage,
    StoredClaim,
    Wanted,
)
from mmdigit.forms.store.rows import chunks, field_of, page_ids, page_of, page_order
from mmdigit.forms.store.tables import CLAIMS, FIELDS, FORMS, LEASES, PAGES, SCHEMA, VALUES, WHOLE
from mmdigit.settings.redaction import redact


def open_review_store(url: str, password: SecretStr | None = None, *, create: bool = True) -> "SqlReviewStore":
    """Open the forms' database at url; parameters and errors are those of open_page_store."""
    return SqlReviewStore(open_engine(url, FORMS, password, create=create), redact(url))


class SqlReviewStore(SqlStore):
    """Claims, leases, changes and box keys in tables."""

    def __init__(self, engine: Engine, place: str) -> None:
        super().__init__(engine, SCHEMA, place)

    def pages_to_review(self, groups: Collection[str], template: str, wanted: Wanted) -> Iterator[ReviewedPage]:
        rows: list[Row[Any]] = []
        with self._database.reading() as connection:
            for chunk in chunks(sorted(set(groups))):
                query = select(PAGES).where(PAGES.c.page_group.in_(chunk), PAGES.c.accepted.is_not(None))
                rows.extend(connection.execute(query.where(PAGES.c.template == template)))
        rows.sort(key=page_order)
        for pages in chunks(rows):
            with self._database.reading() as connection:
                fields = _reviewed(connection, {row.id: row.page_group for row in pages}, wanted)
            for row in pages:
                yield ReviewedPage(page_of(row), tuple(fields[row.id]))

    def fields(self, places: Collection[FieldPlace]) -> dict[FieldPlace, ReviewedField]:
        with self._database.reading() as connection:
            ids = page_ids(connection, {place.group for place in places})
            return _fields(connection, places, ids)

    def claim(
        self, claim: StoredClaim, places: Sequence[Place], count: int, now: datetime, is_open: IsOpen
    ) -> list[Claimed]:
        with self._database.transaction() as connection:
            ids = page_ids(connection, {place.field.group for place in places}, lock=True)
            places = [place for place in places if place.field.group in ids]
            taken = holders(connection, ids, now)
            reviewed = _fields(connection, {place.field for place in places}, ids)
            got: list[Place] = []
            for place in places:
                found = reviewed.get(place.field)
                if len(got) < count and found is not None and is_free(place, taken) and is_open(place, found):
                    got.append(place)
            if not got:
                return []
            forget(connection, now)
            put_claim(connection, claim)
            lease(connection, claim.id, got, ids)
            stored = _stored_fields(connection, {place.field for place in got}, ids)
            heard: dict[int, dict[str, HeardField]] = {}
            for chunk in chunks(sorted({ids[place.field.group] for place in got})):
                heard |= heard_of(connection, chunk)
        return [
            Claimed(
                place,
                stored[place.field],
                reviewed[place.field],
                heard.get(ids[place.field.group], {}).get(place.field.name),
            )
            for place in got
        ]

    def find_claim(self, claim_id: str) -> StoredClaim | None:
        with self._database.reading() as connection:
            return claim_of(connection, claim_id)

    def renew(self, claim_id: str, expires_at: datetime) -> None:
        with self._database.transaction() as connection:
            renew(connection, claim_id, expires_at)

    def release(self, claim_id: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(delete(LEASES).where(LEASES.c.claim == claim_id))
            connection.execute(delete(CLAIMS).where(CLAIMS.c.id == claim_id))

    def held(self, tenant: str, group: str, now: datetime) -> list[Held]:
        query = select(PAGES.c.page_group, LEASES.c.name, LEASES.c.box, CLAIMS.c.clerk, CLAIMS.c.kind)
        query = query.join_from(CLAIMS, LEASES).join(PAGES).where(
            CLAIMS.c.tenant == tenant, CLAIMS.c.claimed_group == group, holds(now)
        )  # fmt: skip
        with self._database.reading() as connection:
            return [
                Held(Place(FieldPlace(row.page_group, row.name), box_of(row.box)), row.clerk, row.kind)
                for row in connection.execute(query)
            ]

    def put_keys(self, claim_id: str, keys: Sequence[NewKey], expires_at: datetime) -> list[Kept]:
        fields = [key.field for key in keys]
        with self._database.transaction() as connection:
            ids = page_ids(connection, {field.group for field in fields}, lock=True)
            claim, leased = claim_of(connection, claim_id), leases_of(connection, claim_id)
            outcomes = [
                _put_key(connection, claim, key, ids.get(key.field.group), leased) for key in keys
            ]  # fmt: skip
            renew(connection, claim_id, expires_at)
            found = _fields(connection, set(fields), ids)
        return [Kept(outcome, found.get(field)) for outcome, field in zip(outcomes, fields, strict=True)]

    def put_boxes(
        self, claim_id: str, keys: Sequence[tuple[FieldPlace, BoxKey]], expires_at: datetime
    ) -> list[Kept]:  # fmt: skip
        with self._database.transaction() as connection:
            ids = page_ids(connection, {field.group for field, _ in keys}, lock=True)
            leased = leases_of(connection, claim_id)
            places = [(ids.get(field.group, 0), field.name, key.box) for field, key in keys]
            mine = [place in leased for place in places]
            said = [(ids[field.group], field.name, key) for (field, key), has in zip(keys, mine, strict=True) if has]
            kept = iter(put_box_keys(connection, said))
            outcomes: list[KeyOutcome] = [next(kept) if has else "not_claimed" for has in mine]
            mark(connection, [place for place, has in zip(places, mine, strict=True) if has], keyed=True)
            renew(connection, claim_id, expires_at)
            found = _fields(connection, {field for field, _ in keys}, ids)
        return [Kept(outcome, found.get(field)) for outcome, (field, _) in zip(outcomes, keys, strict=True)]


def _put_key(
    connection: Connection,
    claim: StoredClaim | None,
    key: NewKey,
    page_id: int | None,
    leased: Collection[tuple[int, str, int]],
) -> KeyOutcome:
    """Keep one key. leased: what the claim has."""
    field, kind = key.field, key.change.kind
    if claim is None or page_id is None:
        return "not_claimed"
    whole = (page_id, field.name, WHOLE)
    if whole not in leased:
        has_box = any((number, name) == (page_id, field.name) for number, name, _ in leased)
        if not has_box or not (key.of_boxes or kind == "undo"):
            return "not_claimed"
    outcome = put_change(connection, page_id, NewChange(field.group, field.name, key.change, key.seen))
    if outcome == "kept" and whole in leased:
        mark(connection, [whole], keyed=kind != "undo")
    return outcome


def _reviewed(connection: Connection, pages: dict[int, str], wanted: Wanted) -> dict[int, list[ReviewedField]]:
    """Of each page, by its number, the fields of pages_to_review. pages: their groups."""
    changes, boxes = changes_of(connection, list(pages)), box_keys_of(connection, list(pages))
    values = select(VALUES).where(VALUES.c.page_id.in_(pages))
    rows = list(connection.execute(values.where(VALUES.c.decision == "review")))
    # Of the accepted fields, nearly all, only the few that are wanted are fetched whole.
    accepted = select(VALUES.c.page_id, VALUES.c.position, VALUES.c.name).where(
        VALUES.c.page_id.in_(pages), VALUES.c.decision != "review"
    )
    keys = [
        (page_id, position)
        for page_id, position, name in connection.execute(accepted)
        if (page_id, name) in changes or wanted(pages[page_id], name)
    ]
    for chunk in chunks(keys):
        rows += connection.execute(select(VALUES).where(tuple_(VALUES.c.page_id, VALUES.c.position).in_(chunk)))
    found: dict[int, list[ReviewedField]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.page_id, row.position)):
        place = row.page_id, row.name
        record = FieldRecord(value_of(row), tuple(changes.get(place, ())))
        found[row.page_id].append(ReviewedField(record, boxes.get(place, {})))
    return found


def _fields(
    connection: Connection, places: Collection[FieldPlace], ids: dict[str, int]
) -> dict[FieldPlace, ReviewedField]:
    groups = {ids[place.group]: place.group for place in places if place.group in ids}
    found: dict[FieldPlace, ReviewedField] = {}
    only = {(ids[place.group], place.name) for place in places if place.group in ids}
    for chunk in chunks(sorted(groups)):
        boxes = box_keys_of(connection, chunk)
        for page_id, records in records_of(connection, chunk, only).items():
            for record in records:
                place = FieldPlace(groups[page_id], record.value.name)
                if place in places:
                    found[place] = ReviewedField(record, boxes.get((page_id, place.name), {}))
    return found


def _stored_fields(
    connection: Connection, places: Collection[FieldPlace], ids: dict[str, int]
) -> dict[FieldPlace, Any]:  # fmt: skip
    groups = {ids[place.group]: place.group for place in places}
    found = {}
    for chunk in chunks(sorted((ids[place.group], place.name) for place in places)):
        query = select(FIELDS).where(
            FIELDS.c.page_id.in_({page_id for page_id, _ in chunk}),  # by which SQLite finds them
            tuple_(FIELDS.c.page_id, FIELDS.c.name).in_(chunk),
        )
        for row in connection.execute(query):
            found[FieldPlace(groups[row.page_id], row.name)] = field_of(row, bytes(row.crop))
    return found
