"""What is kept of a page, and the port through which programs keep it: PageStore.

A page is put once by whoever registers it, and its values once all of its cells have outcomes. Everything is keyed by
the page's group (mmdigit.forms.jobs.group_of), so that a repeat changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self

from mmdigit.forms.cells import CellState
from mmdigit.forms.fields import FieldReason
from mmdigit.forms.page import PageReason
from schemas.prediction import Decision

PageState = Literal["read"] | PageReason
FieldSource = Literal["model", "person"]


@dataclass(frozen=True)
class StoredCell:
    """A box. job_id: of the job that reads it; None unless state is digit."""

    state: CellState
    ink_mm2: float
    job_id: str | None


@dataclass(frozen=True)
class StoredField:
    """A field before it is read. name: Slot.name. frame_found: the printed boxes are seen. crop: a grey PNG of the
    field's boxes and what is around them, for review."""

    name: str
    frame_found: bool
    cells: tuple[StoredCell, ...]
    crop: bytes


@dataclass(frozen=True)
class StoredPage:
    """A scanned page, read or not. state: "read" if its cells are jobs, otherwise why a person has to look at it."""

    group: str
    form: str
    revision: int
    template: str
    """Template.digest."""
    file_name: str
    """For people, never opened."""
    file_sha256: str
    number: int
    """In its file, from 1."""
    scanner: str
    """What the file says made it; "" if it says nothing."""
    received_at: datetime
    state: PageState
    message: str = ""
    """What a person should know; empty if it is read."""
    serial: int | None = None
    """Of the form's copy; None if it is not known."""
    page: int | None = None
    """Of the form, from 1; None if it is not known."""
    fields: tuple[StoredField, ...] = ()
    """In the template's order; empty unless it is read."""


@dataclass(frozen=True)
class StoredValue:
    """What a field says, who says so, and whether a person has to look."""

    name: str
    text: str
    decision: Decision
    reasons: tuple[FieldReason, ...]
    chance: float | None
    """That all of the value is right; None if it is not known."""
    model_version: str
    source: FieldSource = "model"
    changed_by: str = ""
    changed_at: datetime | None = None


class PageStore(Protocol):
    """Keeps pages and what was read on them.

    Every method raises StoreError if the database cannot be reached, SettingsError if it can never serve.
    """

    def put_pages(self, pages: Sequence[StoredPage]) -> None:
        """Keep pages durably, all or none. A page whose group is kept already is left as it is."""
        ...

    def known_groups(self, groups: Sequence[str]) -> frozenset[str]:
        """Which of these pages are kept."""
        ...

    def unread_pages(self, limit: int) -> list[StoredPage]:
        """Up to limit pages of state read that have no values yet, oldest first, without their crops."""
        ...

    def put_values(self, group: str, values: Sequence[StoredValue]) -> None:
        """Keep the values of all fields of a page, durably, all or none. Values that are kept already stay."""
        ...

    def pages(self, template: str) -> Iterator[tuple[StoredPage, tuple[StoredValue, ...]]]:
        """Every page of a template, without crops, by serial number, page and received_at; with its values, in order
        of its fields, none while it is unread."""
        ...

    def crops(self, group: str, names: Sequence[str]) -> list[bytes]:
        """The crops of fields of a page, in order of names."""
        ...

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
