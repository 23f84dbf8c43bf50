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


def put_box_keys(connection: Connection, keys: Sequence[tuple[int, str, BoxKey]]) -> list[ChangeOutcome]:
    """Keep words, each unless the last one of its box is the same; the caller holds the pages' locks.

    keys: page, field and what is said of a box.
    """
    last = box_keys_of(connection, sorted({page_id for page_id, _, _ in keys}))
    outcomes: list[ChangeOutcome] = []
    rows = []
    for page_id, name, key in keys:
        said = last[page_id, name]
        if key.box in said and said[key.box].digit == key.digit:
            outcomes.append("known")
            continue
        said[key.box] = key
        outcomes.append("kept")
        rows.append(
            {
                "page_id": page_id, "name": name, "box": key.box, "digit": key.digit, "keyed_by": escaped(key.by),
                "keyed_us": to_us(key.at),
            }
        )  # fmt: skip
    if rows:
        connection.execute(BOX_KEYS.insert(), rows)
    return outcomes
