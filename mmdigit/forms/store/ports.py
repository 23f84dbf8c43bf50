"""What is kept of a page, and the port through which programs keep it: PageStore.

A page is put once by whoever registers it, and its values once all of its cells have outcomes. Nothing that was read
is ever overwritten: what people say is kept as changes beside it. Everything is keyed by the page's group
(mmdigit.forms.cells.jobs.group_of), so that a repeat changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, Self

from mmdigit.forms.cells.reader import CellState
from mmdigit.forms.fields.free_lines import ReadLine
from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.pages.page import PageReason
from mmdigit.forms.spoken.heard import HeardField
from schemas.prediction import Decision

PageState = Literal["read"] | PageReason
FieldSource = Literal["model", "person"]
ChangeKind = Literal["correction", "control", "first", "second", "undo"]
"""correction: the value is what the person says. control: an accepted value keyed by a person who does not see it.
first: the first key of a value on which two people must agree. second: another person's key, who sees neither; it
decides if it agrees with an earlier one or with the model. undo: somebody takes back their own change, the last one."""
ChangeOutcome = Literal["kept", "known", "outdated", "no_field"]
"""known: it changes nothing. outdated: somebody has changed the field since. no_field: it has no such value."""


@dataclass(frozen=True)
class StoredCell:
    """A box. job_id: of the job that reads it; None unless state is digit. line: what is read in that of a free field,
    which has no job."""

    state: CellState
    ink_mm2: float
    job_id: str | None
    line: ReadLine | None = None


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
    """Of the form's copy; None if it is not known, or the form was printed by somebody else, without one."""
    page: int | None = None
    """Of the form, from 1; None if it is not known."""
    handwriting: bytes = b""
    """By which a second scan of a sheet without a serial number is told (mmdigit.forms.sheets.handwriting)."""
    fields: tuple[StoredField, ...] = ()
    """In the template's order; empty unless it is read."""
    heard: Mapping[str, HeardField] = field(default_factory=dict)
    """By the name of each spoken field with a recording."""
    sounds: Mapping[str, bytes] = field(default_factory=dict)
    """WAV files by the names that heard gives; left out, as crops are, wherever pages are listed."""


@dataclass(frozen=True)
class StoredValue:
    """What the model reads in a field, and whether a person has to look."""

    name: str
    text: str
    decision: Decision
    reasons: tuple[FieldReason, ...]
    chance: float | None
    """That all of the value is right; None if it is not known."""
    model_version: str


@dataclass(frozen=True)
class Change:
    """What a person says of a field. share: of a control, the share of the accepted fields that is drawn."""

    kind: ChangeKind
    text: str
    by: str
    at: datetime
    share: float | None = None


@dataclass(frozen=True)
class NewChange:
    """A change to be kept. seen: how many changes the person knew of."""

    group: str
    name: str
    change: Change
    seen: int = 0


@dataclass(frozen=True)
class FieldRecord:
    """A field's value and its changes, oldest first; the properties say what holds now."""

    value: StoredValue
    changes: tuple[Change, ...] = ()

    @property
    def standing(self) -> tuple[Change, ...]:
        """The changes that nobody has taken back, oldest first."""
        standing: list[Change] = []
        for change in self.changes:
            if change.kind != "undo":
                standing.append(change)
            elif standing:
                standing.pop()
        return tuple(standing)

    @property
    def correction(self) -> Change | None:
        """What decides the value: the last correction, or the second key that agrees with an earlier one."""
        said, found = {self.value.text}, None
        for change in self.standing:
            if change.kind == "correction" or (change.kind == "second" and change.text in said):
                found = change
            else:
                said.add(change.text)
        return found

    @property
    def control(self) -> Change | None:
        return next((change for change in self.standing if change.kind == "control"), None)

    @property
    def first(self) -> Change | None:
        """The key that a second person is to agree with."""
        return next((change for change in self.standing if change.kind in ("control", "first")), None)

    @property
    def second(self) -> Change | None:
        return next((change for change in self.standing if change.kind == "second"), None)

    @property
    def source(self) -> FieldSource:
        return "model" if self.correction is None else "person"

    @property
    def text(self) -> str:
        return self.value.text if self.correction is None else self.correction.text

    @property
    def reasons(self) -> tuple[FieldReason, ...]:
        """None once a person has corrected it. A control that differs asks a second person."""
        if self.correction is not None:
            return ()
        differs = self.control is not None and self.control.text != self.value.text
        return (*self.value.reasons, "control_differs") if differs else self.value.reasons

    @property
    def decision(self) -> Decision:
        return "review" if self.reasons else "accept"

    @property
    def chance(self) -> float | None:
        """Of the model's value; None for a person's."""
        return self.value.chance if self.correction is None else None


@dataclass(frozen=True)
class PageCounts:
    """pages: all that are kept. unread: without values yet. failed: those whose state is not read. accepted, review:
    fields as the model decided them."""

    pages: int
    unread: int
    failed: int
    accepted: int
    review: int


class PageStore(Protocol):
    """Keeps pages and what was read on them.

    Every method raises StoreError if the database cannot be reached, AccessError if it refuses access, SettingsError
    if it can never serve. Control characters in file names, scanners, messages and names of people are kept escaped.
    """

    def put_pages(self, pages: Sequence[StoredPage]) -> None:
        """Keep pages durably, all or none. A page whose group is kept already is left as it is, unless that one is
        unreadable and this one is not: a page may be sent again, after only the decoder's memory or time was short."""
        ...

    def known_groups(self, groups: Sequence[str]) -> frozenset[str]:
        """Which of these pages are kept."""
        ...

    def pages_of_file(self, file_sha256: str, template: str) -> list[StoredPage]:
        """The pages of a file that are kept, by number, without fields."""
        ...

    def unread_pages(self, template: str, limit: int, after: int = 0) -> list[tuple[int, StoredPage]]:
        """Up to limit pages of state read that have no values yet, oldest first, each with its position,
        from 1, without crops and sounds. after: the position to go on from. Nobody claims a page: put_values may be
        repeated."""
        ...

    def put_values(self, values: Mapping[str, Sequence[StoredValue]]) -> frozenset[str]:
        """Keep the values of all fields of pages, by group, durably, all or none. Values that are kept already stay.

        Returns the groups whose values are kept by this call.
        """
        ...

    def pages(self, template: str) -> Iterator[tuple[StoredPage, tuple[FieldRecord, ...]]]:
        """Every page of a template, without fields, but with its values in order of its fields, none while it is
        unread. First those without a serial number, by file name, file and number; then by serial number, page and
        received_at."""
        ...

    def pages_of(self, groups: Collection[str], template: str) -> Iterator[tuple[StoredPage, tuple[FieldRecord, ...]]]:
        """As pages, but only of these groups, all of whose names fit in memory."""
        ...

    def fields(self, group: str) -> tuple[StoredField, ...]:
        """The fields of a page with their crops; empty if it is not kept."""
        ...

    def heard(self, group: str) -> Mapping[str, HeardField] | None:
        """What was heard on a page, by field; None if the page is not kept, or is unreadable."""
        ...

    def sound(self, group: str, name: str) -> bytes | None:
        """The sound of a spoken field, as a WAV file: all of its recording, which may be of other fields of the page,
        too. None if there is none."""
        ...

    def records(self, groups: Sequence[str]) -> dict[str, dict[str, FieldRecord]]:
        """The fields of pages, by group and name; without pages that have no values."""
        ...

    def put_changes(self, changes: Sequence[NewChange]) -> list[ChangeOutcome]:
        """Keep what people say, durably, all or none; what became of each, in order. A field takes one control, one
        first and one second key, the second of another person. undo: if the last change is the person's own."""
        ...

    def controlled(
        self, template: str, since: datetime | None = None
    ) -> Iterator[tuple[StoredPage, FieldRecord]]:  # fmt: skip
        """Every field with a control, and its page without fields, oldest control first. since: when the page was
        received."""
        ...

    def controlled_of(
        self, groups: Collection[str], template: str
    ) -> Iterator[tuple[StoredPage, FieldRecord]]:  # fmt: skip
        """As controlled, but only of these pages, all of whose names fit in memory, and in no order that stays."""
        ...

    def counts(self, template: str) -> PageCounts:
        """How far a template's pages are."""
        ...

    def counts_of(self, groups: Collection[str]) -> PageCounts:
        """How far these pages are."""
        ...

    def other_versions(self, form: str, template: str) -> int:
        """How many pages of a form are kept under other versions of its template."""
        ...

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
