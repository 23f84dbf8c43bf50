"""What people say of single boxes: rows that are only ever added, of which the last one of a box counts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.ports import ChangeOutcome
from mmdigit.forms.store.review_port import BoxKey
from mmdigit.forms.store.tables import BOX_KEYS
from schemas.printable import escaped


def box_keys_of(connection: Connection, page_ids: Sequence[int]) -> dict[tuple[int, str], dict[int, BoxKey]]:
    """The last word on each box, by page and field."""
    found: dict[tuple[int, str], dict[int, BoxKey]] = defaultdict(dict)
    for (page_id, name, box), words in _words_of(connection, page_ids).items():
        found[page_id, name][box] = words[-1]
    return found


def put_box_keys(connection: Connection, keys: Sequence[tuple[int, str, BoxKey]]) -> list[ChangeOutcome]:
    """Keep words, each unless it is kept already (ReviewStore.put_boxes); the caller holds the pages' locks.

    keys: page, field and what is said of a box.
    """
    known = _words_of(connection, sorted({page_id for page_id, _, _ in keys}))
    outcomes: list[ChangeOutcome] = []
    rows = []
    for page_id, name, key in keys:
        words, key = known[page_id, name, key.box], replace(key, by=escaped(key.by))
        outcomes.append(_outcome(words, key))
        if outcomes[-1] != "kept":
            continue
        words.append(key)
        rows.append(
            {
                "page_id": page_id, "name": name, "box": key.box, "digit": key.digit, "keyed_by": key.by,
                "keyed_us": to_us(key.at),
            }
        )  # fmt: skip
    if rows:
        connection.execute(BOX_KEYS.insert(), rows)
    return outcomes


def _outcome(words: Sequence[BoxKey], key: BoxKey) -> ChangeOutcome:
    """What becomes of a key after these words on its box; "kept" if it is to be kept."""
    if key.seen is None:
        return "known" if words and words[-1].digit == key.digit else "kept"
    if key.seen >= len(words):
        return "kept"
    then = words[key.seen]
    return "known" if (then.digit, then.by) == (key.digit, key.by) else "outdated"


def _words_of(connection: Connection, page_ids: Sequence[int]) -> dict[tuple[int, str, int], list[BoxKey]]:
    """All words on each box, by page, field and box, oldest first."""
    found: dict[tuple[int, str, int], list[BoxKey]] = defaultdict(list)
    query = select(BOX_KEYS).where(BOX_KEYS.c.page_id.in_(page_ids)).order_by(BOX_KEYS.c.id)
    for row in connection.execute(query):
        words = found[row.page_id, row.name, row.box]
        words.append(BoxKey(row.box, row.digit, row.keyed_by, from_us(row.keyed_us), len(words)))
    return found
