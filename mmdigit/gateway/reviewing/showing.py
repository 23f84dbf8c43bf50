"""What people see of the fields and boxes that they have claimed."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmdigit.forms.cells.crops import boxes_in_crop, cut_box
from mmdigit.forms.fields.weighing import likely_texts
from mmdigit.forms.reviewing.work import read_digits
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.review_port import Claimed, StoredClaim
from mmdigit.forms.template.template import Template
from mmdigit.forms.template.validators import described_checks
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.reviewing.field_ids import field_id
from mmdigit.gateway.reviewing.open_work import OpenWork, WorkField
from schemas.prediction import Prediction
from schemas.review import Claim, DigitBox, HeardDigit, ReviewBox, ReviewField, ReviewSound

ALTERNATIVES = 5
BLIND = frozenset(("control", "second"))
"""Kinds of claims in which nothing tells what was read."""

Predictions = Mapping[str, Prediction]
"""Of boxes, by job id, as far as they are still kept."""


def jobs_to_weigh(claim: StoredClaim, got: Sequence[Claimed]) -> list[str]:
    """The jobs whose predictions tell the alternatives."""
    if claim.kind != "review":
        return []
    return [cell.job_id for each in got for cell in each.field.cells if cell.job_id is not None]


def shown_claim(
    principal: Principal, claim: StoredClaim, work: OpenWork | None, got: Sequence[Claimed], predictions: Predictions
) -> Claim:
    """A claim with what it has got."""
    fields: list[ReviewField] = []
    boxes: list[DigitBox] = []
    for each in got:
        place = None if work is None else work.find(each.place.field)
        if work is None or place is None:  # unreachable: it was claimed from this work
            continue
        if claim.kind == "digits":
            boxes += _box(principal, each, place, work.template)
        else:
            fields.append(_field(principal, claim, each, place, work.template, predictions))
    return Claim(
        claim=claim.id, clerk=claim.clerk, kind=claim.kind, expires_at=claim.expires_at, fields=tuple(fields),
        boxes=tuple(boxes),
    )  # fmt: skip


def _field(
    principal: Principal, claim: StoredClaim, each: Claimed, place: WorkField, template: Template, known: Predictions
) -> ReviewField:
    record, field, blind = each.reviewed.record, place.field, claim.kind in BLIND
    digits = (None if blind else read_digits(field, record)) or (None,) * field.boxes.count
    return ReviewField(
        field=field_id(principal, each.place.field),
        serial=place.serial,
        page=place.page,
        name=place.slot.name,
        label=field.label,
        type=field.type,
        count=field.boxes.count,
        checks=described_checks(field),
        crop=each.field.crop,
        boxes=tuple(
            ReviewBox(left=box.left, top=box.top, width=box.width, height=box.height, digit=digit)
            for box, digit in zip(boxes_in_crop(place.slot, template.size_mm, each.field.crop), digits, strict=False)
        ),
        sound=_sound(each.heard, blind=blind),
        text=None if blind else record.text,
        alternatives=() if blind else _alternatives(each, place, known),
        chance=None if blind else record.chance,
        reasons=() if blind else record.reasons,
        seen=len(record.changes),
    )


def _sound(heard: HeardField | None, *, blind: bool) -> ReviewSound | None:
    """What a person may hear and see of a recording."""
    if heard is None or heard.sound is None:
        return None
    boxes = () if blind else heard.boxes
    return ReviewSound(
        digits=tuple(
            HeardDigit(heard=box.heard, start_s=box.start_s, end_s=box.end_s, box=box.box, written=box.written)
            for box in boxes
        )
    )


def _alternatives(each: Claimed, place: WorkField, known: Predictions) -> tuple[str, ...]:
    """What people have keyed, then what the model finds likely."""
    record = each.reviewed.record
    said = [change.text for change in record.standing]
    found = [known.get(cell.job_id or "") for cell in each.field.cells]
    read = [prediction.probabilities for prediction in found if prediction is not None]
    likely: list[str] = []
    lines = [cell.line for cell in each.field.cells if cell.line is not None]
    if lines and len(lines[0].probabilities) == place.field.boxes.count:
        likely = likely_texts(place.field, np.array(lines[0].probabilities, np.float64), ALTERNATIVES + 1)
    written = sum(cell.job_id is not None for cell in each.field.cells)
    if read and len(read) == written and all(cell.state in ("digit", "blank") for cell in each.field.cells):
        likely = likely_texts(place.field, np.array(read, np.float64), ALTERNATIVES + 1)
    texts = [text for text in dict.fromkeys([*said, *likely]) if text != record.text]
    return tuple(texts[: max(ALTERNATIVES, len(said))])


def _box(principal: Principal, each: Claimed, place: WorkField, template: Template) -> list[DigitBox]:
    """None if its picture cannot be cut."""
    box, digits = each.place.box, read_digits(place.field, each.reviewed.record)
    boxes = boxes_in_crop(place.slot, template.size_mm, each.field.crop)
    if box is None or digits is None or digits[box] is None or box >= len(boxes):
        return []
    cut, said = cut_box(each.field.crop, boxes[box]), each.reviewed.boxes.get(box)
    return [
        DigitBox(
            field=field_id(principal, each.place.field),
            box=box,
            serial=place.serial,
            page=place.page,
            name=place.slot.name,
            label=place.field.label,
            crop=cut,
            digit=digits[box] or 0,
            seen=0 if said is None or said.seen is None else said.seen + 1,
        )
    ]
