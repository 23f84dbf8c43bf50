"""Which groups there are to review, who is on what, and what happened to a field."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from http import HTTPStatus

from mmdigit.forms.store.ports import FieldRecord, StoredPage
from mmdigit.forms.store.review_port import FieldPlace
from mmdigit.forms.table.rows import named_slots
from mmdigit.forms.template.template import Template
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.problems import Problem, not_found
from mmdigit.gateway.reviewing.claiming import known_group
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.field_ids import place_of
from mmdigit.gateway.reviewing.open_work import kind_of
from mmdigit.gateway.reviewing.showing import BLIND
from schemas.review import FieldChange, FieldHistory, ReviewGroup

MAX_LISTED = 100
"""Groups of a tenant, the newest."""
READING_S = 1.0
"""How long one list may read groups that are not in memory; the others are read after it, and are in a later list."""


def reviewed_groups(
    desk: ReviewDesk, tenant: str, names: list[str], clerk: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[ReviewGroup]:
    """Those of the named groups that have values, one for each form. clerk: who asks."""
    now, until_s = desk.now(), clock() + READING_S
    for name in names:
        group = desk.work(tenant, name) if clock() < until_s else desk.known_work(tenant, name)
        if group is None or not group.works:
            continue
        held = desk.review.held(tenant, name, now)
        for work in group.works:
            holds = Counter(each.clerk for each in held if work.find(each.place.field) is not None)
            yield ReviewGroup(
                group=name,
                form=work.template.form,
                fields=work.with_value,
                left=work.left_for(clerk),
                clerks=tuple(work.activity.shown(holds)),
            )


def field_history(desk: ReviewDesk, principal: Principal, group: str, field: str) -> FieldHistory:
    """The audit trail of a field.

    Raises Problem: 404 if the group has no such field, 409 while somebody has to key it without seeing what was read.
    """
    known, place = known_group(desk, principal, group), place_of(principal, field)
    found = desk.review.fields([place]) if place is not None and place.group in known.pages else {}
    if place is None or place not in found:
        raise not_found("expected a field of the group with a value, got none; take its id from a claim")
    record, (page, template) = found[place].record, _page(desk, place)
    # Not from the desk's copy of the group, which may be older than the value.
    described = next(
        (slot.field for number, slot in named_slots(template) if (number, slot.name) == (page.page, place.name)), None
    )
    if described is None or kind_of(place, record, described, desk.sample) in BLIND:
        raise Problem(
            HTTPStatus.CONFLICT, "expected a field that nobody has to key blindly, got one; ask again once it is keyed"
        )
    return FieldHistory(field=field, changes=tuple(_changes(record, page.received_at)))


def field_sound(desk: ReviewDesk, principal: Principal, group: str, field: str) -> bytes:
    """The recording of a field, as a WAV file. Raises Problem (404) if the group has no such field, or it has none."""
    known, place = known_group(desk, principal, group), place_of(principal, field)
    sound = desk.pages.sound(place.group, place.name) if place is not None and place.group in known.pages else None
    if sound is None:
        raise not_found("expected a field of the group with a recording, got none; take its id from a claim")
    return sound


def _page(desk: ReviewDesk, place: FieldPlace) -> tuple[StoredPage, Template]:
    for template in desk.templates:
        for page, _ in desk.pages.pages_of([place.group], template.digest):
            return page, template
    raise not_found("expected a page of one of the gateway's forms, got another; start it with the form's --template")


def _changes(record: FieldRecord, received_at: datetime) -> Iterator[FieldChange]:
    value, before = record.value, record.value.text
    yield FieldChange(at=received_at, by=value.model_version, kind="read", before="", after=value.text)
    for number, change in enumerate(record.changes, 1):
        yield FieldChange(at=change.at, by=change.by, kind=change.kind, before=before, after=change.text)
        before = FieldRecord(value, record.changes[:number]).text
