"""Keeps what people say of the fields and boxes that they have claimed."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmdigit.forms.reviewing.answers import said_value
from mmdigit.forms.reviewing.typed import typed_value
from mmdigit.forms.reviewing.work import change_kind
from mmdigit.forms.store.ports import Change, ChangeKind, FieldRecord
from mmdigit.forms.store.review_port import Kept, NewKey, StoredClaim
from mmdigit.forms.template.template import FormField
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.problems import not_found
from mmdigit.gateway.reviewing.box_keying import put_boxes
from mmdigit.gateway.reviewing.desk import GroupWork, ReviewDesk
from mmdigit.gateway.reviewing.field_ids import place_of
from mmdigit.gateway.reviewing.showing import BLIND
from schemas.review import FieldsLeft, Key, KeyResult, KeyResults, Keys

_OUTDATED = "expected the field as you got it, somebody has changed it since; claim it again"
_NOT_CLAIMED = "expected a field of this claim, got one that it does not have, or that somebody else has got; claim it"
_NO_UNDO = "expected your own change to be the field's last one, it is not; claim the field again"


def find_claim(desk: ReviewDesk, principal: Principal, claim_id: str) -> StoredClaim:
    """The caller's claim. Raises Problem (404) if there is none."""
    claim = desk.review.find_claim(claim_id)
    if claim is None or (claim.tenant, claim.subject) != (principal.tenant, principal.subject):
        raise not_found("expected a claim of yours, got none: it was given back, or is long over; make another")
    return claim


def give_back(desk: ReviewDesk, principal: Principal, claim_id: str) -> None:
    """Give a claim back; nothing happens if that is done already. Raises Problem (404) if it is another caller's."""
    if desk.review.find_claim(claim_id) is not None:
        desk.review.release(find_claim(desk, principal, claim_id).id)


def key_work(desk: ReviewDesk, principal: Principal, claim_id: str, keys: Keys) -> KeyResults:
    """Keep keys; what became of each, in order. Raises Problem (404) if the caller has no such claim."""
    claim = find_claim(desk, principal, claim_id)
    group = desk.work(claim.tenant, claim.group)
    if group is None:
        raise not_found("expected the claim's group, got none; make another claim")
    results = [*_put_fields(desk, principal, claim, group, keys.fields)]
    results += put_boxes(desk, principal, claim, group, keys.boxes)
    if all(result.outcome in ("refused", "not_claimed") for result in results):  # nothing was put, which renews
        desk.review.renew(claim.id, desk.expires_at())
    return KeyResults(results=tuple(results), left=_left(desk.work(claim.tenant, claim.group) or group, claim.clerk))


@dataclass(frozen=True)
class _Said:
    """A key that may be kept. typed: as the person means it, before it is compared with what is known."""

    key: Key
    new: NewKey
    typed: str


def _put_fields(
    desk: ReviewDesk, principal: Principal, claim: StoredClaim, group: GroupWork, keys: Sequence[Key]
) -> list[KeyResult]:
    places = [place_of(principal, key.field) for key in keys]
    reviewed = desk.review.fields({place for place in places if place is not None}) if keys else {}
    results: list[KeyResult | None] = [None] * len(keys)
    said: dict[int, _Said] = {}
    now = desk.now()  # of all: by their time, activity.py tells keys that came together
    for number, (key, place) in enumerate(zip(keys, places, strict=True)):
        work = None if place is None else group.with_field(place)
        found = None if place is None else reviewed.get(place)
        if place is None or work is None or found is None or (shown := work.find(place)) is None:
            results[number] = KeyResult(field=key.field, outcome="not_claimed", error=_NOT_CLAIMED)
            continue
        kind = _kind_of(claim, found.record, shown.field, key)
        share = work.sample.share if kind == "control" else None
        try:
            text, typed = _value(shown.field, found.record, key, kind)
        except ValueError as error:
            results[number] = KeyResult(
                field=key.field, outcome="refused", error=str(error), seen=len(found.record.changes)
            )
            continue
        change = Change(kind, text, claim.clerk, now, share)
        said[number] = _Said(key, NewKey(place, change, key.seen), typed)
    kept = desk.review.put_keys(claim.id, [each.new for each in said.values()], desk.expires_at()) if said else []
    for (number, each), one in zip(said.items(), kept, strict=True):
        if one.reviewed is not None:
            done = one.outcome == "kept" and not each.key.undo
            desk.update(claim, each.new.field, one.reviewed, keyed_at=now if done else None)
        results[number] = _result(claim, each, one)
    return [result for result in results if result is not None]


def _kind_of(claim: StoredClaim, record: FieldRecord, field: FormField, key: Key) -> ChangeKind:
    if key.undo:
        return "undo"
    if claim.kind == "digits":
        return "correction"
    first = record.first
    if claim.kind == "review" and first is not None and (first.kind, first.by) == ("first", claim.clerk):
        return "first"  # sent again
    return change_kind(claim.kind, record, field)


def _value(field: FormField, record: FieldRecord, key: Key, kind: ChangeKind) -> tuple[str, str]:
    """What is kept, and what the person may see of it. Raises ValueError."""
    if kind == "undo":
        return "", ""
    as_seen = FieldRecord(record.value, record.changes[: key.seen])  # ok is said of what the person saw
    kept = said_value(field, as_seen, key.text, kind)
    return kept, typed_value(field, key.text) if kind in BLIND else kept


def _result(claim: StoredClaim, said: _Said, kept: Kept) -> KeyResult:
    key, change, blind = said.key, said.new.change, claim.kind in BLIND
    record = None if kept.reviewed is None else kept.reviewed.record
    seen = 0 if record is None else len(record.changes)
    if record is None or kept.outcome in ("not_claimed", "no_field"):
        standing = () if record is None else record.standing
        if key.undo or all(
            (each.kind, each.text, each.by) != (change.kind, change.text, claim.clerk) for each in standing
        ):
            return KeyResult(field=key.field, outcome="not_claimed", error=_NOT_CLAIMED, seen=seen)
        return KeyResult(field=key.field, outcome="known", value=said.typed, seen=seen)  # kept before it was lost
    if kept.outcome == "outdated":
        value, why = None if blind else record.text, _NO_UNDO if key.undo else _OUTDATED
        return KeyResult(field=key.field, outcome="outdated", value=value, error=why, seen=seen)
    if key.undo:
        return KeyResult(field=key.field, outcome=kept.outcome, value=None if blind else record.text, seen=seen)
    outcome = "needs_second" if change.kind == "first" and kept.outcome == "kept" else kept.outcome
    return KeyResult(field=key.field, outcome=outcome, value=said.typed, seen=seen)


def _left(group: GroupWork, clerk: str) -> FieldsLeft:
    """Of all forms of a group."""
    each = [work.left_for(clerk) for work in group.works]
    return FieldsLeft(
        review=sum(left.review for left in each),
        control=sum(left.control for left in each),
        second=sum(left.second for left in each),
        digits=tuple(sum(left.digits[digit] for left in each) for digit in range(10)),
    )
