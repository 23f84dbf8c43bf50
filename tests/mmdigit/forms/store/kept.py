"""Pages, values and changes for the tests of the store: valid, small, and numbered."""

from datetime import UTC, datetime, timedelta

from mmdigit.forms.fields import FieldReason
from mmdigit.forms.store.ports import Change, ChangeKind, NewChange, StoredCell, StoredField, StoredPage, StoredValue
from schemas.prediction import Decision

NOW = datetime(2026, 11, 28, 12, 30, 0, 123456, tzinfo=UTC)
CELLS = (StoredCell("digit", 5.25, "job-1"), StoredCell("blank", 0.0, None))
FIELDS = (
    StoredField("member", True, CELLS, b"first crop"),
    StoredField("items.1.count", False, (StoredCell("over_full", 40.5, None),), b"second \x00\xff"),
)


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


def fault(number: int) -> StoredPage:
    return page(number, state="bent", message="expected a flat page", serial=None, page=None, fields=())


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
