"""Pages, values and changes for the tests of the store: valid, small, and numbered."""

from datetime import UTC, datetime, timedelta

from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.spoken.heard import HeardBox, HeardField
from mmdigit.forms.store.ports import Change, ChangeKind, NewChange, StoredCell, StoredField, StoredPage, StoredValue
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.template.template import Template
from schemas.prediction import Decision, HeadAnswer, Prediction, Source, Timings
from tests.mmdigit.forms.written import TEMPLATE

NOW = datetime(2026, 11, 28, 12, 30, 0, 123456, tzinfo=UTC)
CELLS = (StoredCell("digit", 5.25, "job-1"), StoredCell("blank", 0.0, None))
FIELDS = (
    StoredField("member", True, CELLS, b"first crop"),
    StoredField("items.1.count", False, (StoredCell("over_full", 40.5, None),), b"second \x00\xff"),
)


HEARD = {
    "member": HeardField("*", (HeardBox(4, 0.25, 0.75, 0, 4), HeardBox(1, 0.875, 1.25, 1, None))),
    "items.1.count": HeardField(None, (), "not_heard"),
}
SOUNDS = {"*": b"RIFF \x00\xff"}


def page(number: int = 1, **changes: object) -> StoredPage:
    """The page of that number of one file: of form number NUMBER, page 1."""
    plain: dict[str, object] = {
        "group": f"INTK.{number}",
        "form": "INTK",
        "revision": 1,
        "template": "0123456789abcdef",
        "file_name": "stack.pdf",
        "file_sha256": "a" * 64,
        "number": number,
        "scanner": "Acme 1",
        "received_at": NOW + timedelta(seconds=number),
        "state": "read",
        "serial": number,
        "page": 1,
        "fields": FIELDS,
    }
    return StoredPage(**{**plain, **changes})  # type: ignore[arg-type]


def fault(number: int, **changes: object) -> StoredPage:
    plain = {"state": "bent", "message": "expected a flat page", "serial": None, "page": None, "fields": ()}
    return page(number, **{**plain, **changes})


def value(
    name: str = "member", text: str = "0012", decision: Decision = "accept", reasons: tuple[FieldReason, ...] = ()
) -> StoredValue:
    return StoredValue(name, text, decision, reasons, 0.9999, "model-1")


VALUES = (value(), value("items.1.count", "?", "review", ("over_full", "frame_not_found")))


def change(
    text: str, kind: ChangeKind = "correction", name: str = "member", number: int = 1, by: str = "Ada", seen: int = 0
) -> NewChange:
    share = 0.02 if kind == "control" else None
    return NewChange(f"INTK.{number}", name, Change(kind, text, by, NOW, share), seen)


def adopted_page(template: Template, number: int, form_page: int) -> StoredPage:
    """A page, from 1, of a form that somebody else printed, every box of it written."""
    fields = []
    for slot in slots_of(template, form_page - 1):
        ids = [f"{number}.{slot.name}.{index}.{number}" for index in range(len(slot.boxes))]
        cells = tuple(StoredCell("digit", 5.0, job_id) for job_id in ids)
        fields.append(StoredField(slot.name, True, cells, f"{number} {slot.name}".encode()))
    place: dict[str, object] = {"group": f"BLAN.{number}", "form": template.form, "template": template.digest}
    return page(number, serial=None, page=form_page, fields=tuple(fields), **place)


def form_page(number: int, digits: str = "79927398", **changes: object) -> StoredPage:
    """A page of the example form: its member's number and consent are written, everything else is blank."""
    fields = []
    for slot in slots_of(TEMPLATE, 0):
        cells = [StoredCell("blank", 0.0, None)] * len(slot.boxes)
        if slot.name == "member":
            cells = [StoredCell("digit", 5.0, f"{number}.{index}.{digit}") for index, digit in enumerate(digits)]
        elif slot.name == "consent":
            cells = [StoredCell("digit", 9.0, None)]
        fields.append(StoredField(slot.name, True, tuple(cells), f"{number} {slot.name}".encode()))
    plain = {"template": TEMPLATE.digest, "fields": tuple(fields), **changes}
    return page(number, **plain)


def predictions(kept: StoredPage, confidence: float = 0.999999) -> list[Prediction]:
    """Of every job of a form_page: the digit that its id ends with."""
    return [
        prediction(cell.job_id, int(cell.job_id[-1]), confidence)
        for field in kept.fields
        for cell in field.cells
        if cell.job_id is not None
    ]


def prediction(job_id: str, label: int, confidence: float = 0.999999) -> Prediction:
    head = HeadAnswer(label=label, confidence=confidence)
    rest = (1 - confidence) / 9
    return Prediction(
        job_id=job_id, label=label, confidence=confidence, image=head, novelty=0.0, decision="accept",
        probabilities=tuple(confidence if digit == label else rest for digit in range(10)), model_version="model-1",
        source=Source(topic="jobs", partition=0, offset=0),
        timings=Timings(created_at=NOW, predicted_at=NOW, wait_s=0.1, predict_s=0.01, batch_size=1),
    )  # fmt: skip
