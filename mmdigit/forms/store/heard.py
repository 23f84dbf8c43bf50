"""What was heard on pages, and the sounds: rows that are put together with their page."""

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select

from mmdigit.forms.spoken.heard import HeardBox, HeardField
from mmdigit.forms.store.ports import StoredPage
from mmdigit.forms.store.tables import HEARD, PAGES, SOUNDS


def put_heard(connection: Connection, page_id: int, page: StoredPage) -> None:
    """Keep what was heard on a page that is put just now."""
    heard = [
        {
            "page_id": page_id, "name": name, "sound": field.sound, "reason": field.reason,
            "boxes": json.dumps(
                [[each.heard, each.start_s, each.end_s, each.box, each.written] for each in field.boxes],
                separators=(",", ":"),
            ),
        }
        for name, field in page.heard.items()
    ]  # fmt: skip
    if heard:
        connection.execute(HEARD.insert(), heard)
    sounds = [{"page_id": page_id, "name": name, "sound": sound} for name, sound in page.sounds.items()]
    if sounds:
        connection.execute(SOUNDS.insert(), sounds)


def heard_of(connection: Connection, page_ids: Sequence[int]) -> dict[int, dict[str, HeardField]]:
    """By page and field's name."""
    found: dict[int, dict[str, HeardField]] = defaultdict(dict)
    query = select(HEARD).where(HEARD.c.page_id.in_(page_ids)).order_by(HEARD.c.page_id, HEARD.c.name)
    for row in connection.execute(query):
        boxes = tuple(HeardBox(*box) for box in json.loads(row.boxes))
        found[row.page_id][row.name] = HeardField(row.sound, boxes, row.reason)
    return found


def sound_of(connection: Connection, group: str, name: str) -> bytes | None:
    """PageStore.sound."""
    query = (
        select(SOUNDS.c.sound)
        .join(HEARD, (HEARD.c.page_id == SOUNDS.c.page_id) & (HEARD.c.sound == SOUNDS.c.name))
        .join(PAGES, PAGES.c.id == SOUNDS.c.page_id)
        .where(PAGES.c.page_group == group, HEARD.c.name == name)
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)
