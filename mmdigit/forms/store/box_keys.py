"""What people say of single boxes: rows that are only ever added, of which the last one of a box counts."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.ports import ChangeOutcome
from mmdigit.forms.store.review_port import BoxKey
from mmdigit.forms.store.tables import BOX_KEYS
from schemas.printable import escaped


def box_keys_of(connection: Connection, page_ids: Sequence[int]) -> dict[tuple[int, str], dict[int, BoxKey]]:
    """The last word on each box, by page and field."""
    found: dict[tuple[int, str], dict[int, BoxKey]] = defaultdict(dict)
    query = select(BOX_KEYS).where(BOX_KEYS.c.page_id.in_(page_ids)).order_by(BOX_KEYS.c.id)
    for row in connection.execute(query):
        found[row.page_id, row.name][row.box] = BoxKey(row.box, row.digit, row.keyed_by, from_us(row.keyed_us))
    return found


def put_box_key(connection: Connection, page_id: int, name: str, key: BoxKey) -> ChangeOutcome:
    """Keep a word, unless the last one is the same; the caller holds the page's lock."""
    last = select(BOX_KEYS.c.digit).where(
        BOX_KEYS.c.page_id == page_id, BOX_KEYS.c.name == name, BOX_KEYS.c.box == key.box
    ).order_by(BOX_KEYS.c.id.desc()).limit(1)  # fmt: skip
    row = connection.execute(last).one_or_none()
    if row is not None and row.digit == key.digit:
        return "known"
    connection.execute(
        BOX_KEYS.insert().values(
            page_id=page_id, name=name, box=key.box, digit=key.digit, keyed_by=escaped(key.by), keyed_us=to_us(key.at)
        )
    )
    return "kept"
