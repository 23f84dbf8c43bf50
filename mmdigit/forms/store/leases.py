"""Claims and what they hold, in the tables of the forms' store; whoever changes them holds the pages' locks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, tuple_, update

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.review_port import FieldPlace, Place, StoredClaim
from mmdigit.forms.store.rows import chunks
from mmdigit.forms.store.tables import CLAIMS, LEASES, WHOLE
from schemas.printable import escaped

FORGET_AFTER = timedelta(days=1)
"""After a claim has expired: until then, what was keyed under it can be undone."""


def forget(connection: Connection, now: datetime) -> None:
    """Drop the claims that expired long ago."""
    old = select(CLAIMS.c.id).where(CLAIMS.c.expires_us < to_us(now - FORGET_AFTER)).limit(100)
    names = list(connection.execute(old).scalars())
    if names:
        connection.execute(delete(LEASES).where(LEASES.c.claim.in_(names)))
        connection.execute(delete(CLAIMS).where(CLAIMS.c.id.in_(names)))


def holds(now: datetime) -> Any:
    """Whether a lease, joined with its claim, keeps others away."""
    return and_(CLAIMS.c.expires_us > to_us(now), LEASES.c.keyed.is_(False))


def holders(connection: Connection, ids: dict[str, int], now: datetime) -> set[Place]:
    """What is held on pages."""
    groups = {number: group for group, number in ids.items()}
    found = set()
    for chunk in chunks(sorted(groups)):
        query = select(LEASES.c.page_id, LEASES.c.name, LEASES.c.box).join(CLAIMS)
        for row in connection.execute(query.where(LEASES.c.page_id.in_(chunk), holds(now))):
            found.add(Place(FieldPlace(groups[row.page_id], row.name), box_of(row.box)))
    return found


def is_free(place: Place, taken: set[Place]) -> bool:
    if place.box is None:
        return all(each.field != place.field for each in taken)
    return place not in taken and Place(place.field) not in taken


def put_claim(connection: Connection, claim: StoredClaim) -> None:
    known = connection.execute(select(CLAIMS.c.id).where(CLAIMS.c.id == claim.id)).scalar_one_or_none()
    if known is None:
        connection.execute(
            CLAIMS.insert().values(
                id=claim.id, tenant=claim.tenant, claimed_group=claim.group, subject=claim.subject,
                clerk=escaped(claim.clerk), kind=claim.kind, expires_us=to_us(claim.expires_at),
            )
        )  # fmt: skip


def lease(connection: Connection, claim_id: str, places: Sequence[Place], ids: dict[str, int]) -> None:
    """Give places to a claim; whoever had them before has them no longer."""
    rows, fields, boxes = [], [], []
    for place in places:
        page_id, name, box = ids[place.field.group], place.field.name, WHOLE if place.box is None else place.box
        rows.append({"page_id": page_id, "name": name, "box": box, "claim": claim_id, "keyed": False})
        # A whole field takes its boxes, and a box the whole field, from claims that have expired.
        if place.box is None:
            fields.append((page_id, name))
        else:
            boxes += [(page_id, name, WHOLE), (page_id, name, box)]
    for chunk in chunks(fields):
        connection.execute(delete(LEASES).where(tuple_(LEASES.c.page_id, LEASES.c.name).in_(chunk)))
    for chunk in chunks(boxes):
        connection.execute(delete(LEASES).where(tuple_(LEASES.c.page_id, LEASES.c.name, LEASES.c.box).in_(chunk)))
    connection.execute(LEASES.insert(), rows)


def mark(connection: Connection, places: Sequence[tuple[int, str, int]], *, keyed: bool) -> None:
    """Whether these are keyed, and so held no longer. places: page, field and box of each, WHOLE of a field."""
    for chunk in chunks(places):
        which = tuple_(LEASES.c.page_id, LEASES.c.name, LEASES.c.box).in_(chunk)
        connection.execute(update(LEASES).where(which).values(keyed=keyed))


def leases_of(connection: Connection, claim_id: str) -> set[tuple[int, str, int]]:
    """Page, name and box of all that a claim has."""
    query = select(LEASES.c.page_id, LEASES.c.name, LEASES.c.box).where(LEASES.c.claim == claim_id)
    return {(row.page_id, row.name, row.box) for row in connection.execute(query)}


def claim_of(connection: Connection, claim_id: str) -> StoredClaim | None:
    row = connection.execute(select(CLAIMS).where(CLAIMS.c.id == claim_id)).one_or_none()
    if row is None:
        return None
    return StoredClaim(
        row.id, row.tenant, row.claimed_group, row.subject, row.clerk, row.kind, from_us(row.expires_us)
    )  # fmt: skip


def renew(connection: Connection, claim_id: str, expires_at: datetime) -> None:
    later = func.max if connection.dialect.name == "sqlite" else func.greatest
    expires = later(CLAIMS.c.expires_us, to_us(expires_at))
    connection.execute(update(CLAIMS).where(CLAIMS.c.id == claim_id).values(expires_us=expires))


def box_of(box: int) -> int | None:
    return None if box == WHOLE else box
