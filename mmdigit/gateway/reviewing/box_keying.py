"""Keeps what people say of single boxes; once all boxes of a field are said, they are a correction of the field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mmdigit.forms.reviewing.answers import said_value
from mmdigit.forms.reviewing.work import read_digits, typed_digits
from mmdigit.forms.store.ports import Change
from mmdigit.forms.store.review_port import BoxKey, FieldPlace, Kept, NewKey, ReviewedField, StoredClaim
from mmdigit.forms.template.template import FormField
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.reviewing.desk import GroupWork, ReviewDesk
from mmdigit.gateway.reviewing.field_ids import place_of
from schemas.review import DigitKey, KeyResult

_NOT_CLAIMED = "expected a box of this claim, got one that it does not have, or that somebody else has got; claim it"
_OUTDATED = "expected the box as you got it, somebody has keyed it since; claim it again"
_UNREADABLE = "expected a digit in every box, got one that nobody can read; the field stays in review"


@dataclass(frozen=True)
class _Ended:
    """What became of a field whose boxes are all said. kept: None if they make no value; error: why."""

    kept: Kept | None = None
    error: str | None = None


def put_boxes(
    desk: ReviewDesk, principal: Principal, claim: StoredClaim, group: GroupWork, keys: Sequence[DigitKey]
) -> Iterator[KeyResult]:
    """What became of each, in order. With a field's last box comes its value, or why it stays in review."""
    now, places = desk.now(), [place_of(principal, key.field) for key in keys]
    known = [place is not None and group.with_field(place) is not None for place in places]
    words = [
        (place, BoxKey(key.box, key.digit, claim.clerk, now, key.seen))
        for key, place, is_known in zip(keys, places, known, strict=True)
        if is_known and place is not None
    ]
    kept = desk.review.put_boxes(claim.id, words, desk.expires_at()) if words else []
    changed = {
        place: each.reviewed
        for (place, _), each in zip(words, kept, strict=True)
        if each.outcome == "kept" and each.reviewed is not None
    }
    # What is sent again ends a field only if the first time did not.
    said = {
        place: each.reviewed
        for (place, _), each in zip(words, kept, strict=True)
        if each.reviewed is not None
        and (place in changed or (each.outcome == "known" and not each.reviewed.record.changes))
    }
    ended = _end(desk, claim, group, said, now)
    for place, reviewed in changed.items():
        one = ended.get(place, _Ended()).kept
        done = one is not None and one.outcome == "kept"
        desk.update(
            claim,
            place,
            reviewed if one is None or one.reviewed is None else one.reviewed,
            keyed_at=now if done else None,
        )
    answers = iter(zip(words, kept, strict=True))
    for key, is_known in zip(keys, known, strict=True):
        if is_known:
            (place, _), each = next(answers)
            yield _result(key, each, ended.get(place, _Ended()))
        else:
            yield KeyResult(field=key.field, outcome="not_claimed", error=_NOT_CLAIMED)


def _end(
    desk: ReviewDesk, claim: StoredClaim, group: GroupWork, fields: Mapping[FieldPlace, ReviewedField], now: datetime
) -> dict[FieldPlace, _Ended]:
    """Correct the fields of which every box is said."""
    ended: dict[FieldPlace, _Ended] = {}
    corrections: list[NewKey] = []
    for place, reviewed in fields.items():
        work = group.with_field(place)
        shown = None if work is None else work.find(place)
        digits = None if shown is None else _said_digits(shown.field, reviewed)
        if shown is None or digits is None or not _is_ours(reviewed, claim.clerk):
            continue
        try:
            text = _text(shown.field, reviewed, digits)
        except ValueError as error:
            ended[place] = _Ended(error=str(error))
            continue
        change = Change("correction", text, claim.clerk, now)
        corrections.append(NewKey(place, change, len(reviewed.record.changes), of_boxes=True))
    kept = desk.review.put_keys(claim.id, corrections, desk.expires_at()) if corrections else []
    return ended | {key.field: _Ended(each) for key, each in zip(corrections, kept, strict=True)}


def _said_digits(field: FormField, reviewed: ReviewedField) -> list[tuple[int, int | None]] | None:
    """Each box that was read and what people say is in it; None if one is not said yet."""
    digits = read_digits(field, reviewed.record) or ()
    boxes = [box for box, digit in enumerate(digits) if digit is not None]
    if not boxes or any(box not in reviewed.boxes for box in boxes):
        return None
    return [(box, reviewed.boxes[box].digit) for box in boxes]


def _is_ours(reviewed: ReviewedField, clerk: str) -> bool:
    """Whether nobody else has said anything of the field as a whole."""
    return all((change.kind, change.by) == ("correction", clerk) for change in reviewed.record.standing)


def _text(field: FormField, reviewed: ReviewedField, digits: list[tuple[int, int | None]]) -> str:
    """Raises ValueError if the boxes make no value."""
    found: list[int | None] = [None] * field.boxes.count
    for box, digit in digits:
        if digit is None:
            raise ValueError(_UNREADABLE)
        found[box] = digit
    return said_value(field, reviewed.record, typed_digits(field, found), "correction")


def _result(key: DigitKey, kept: Kept, ended: _Ended) -> KeyResult:
    if kept.outcome == "outdated":
        return KeyResult(field=key.field, outcome="outdated", error=_OUTDATED)
    if kept.outcome not in ("kept", "known"):
        return KeyResult(field=key.field, outcome="not_claimed", error=_NOT_CLAIMED)
    reviewed = kept.reviewed if ended.kept is None else ended.kept.reviewed
    record = None if reviewed is None else reviewed.record
    has_value = record is not None and record.correction is not None
    return KeyResult(
        field=key.field,
        outcome="known" if kept.outcome == "known" else "kept",
        value=record.text if record is not None and has_value else None,
        error=ended.error,
        seen=0 if record is None else len(record.changes),
    )
