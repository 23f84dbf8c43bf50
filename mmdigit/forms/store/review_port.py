"""What is kept of people at work, and the port through which gateways keep it: ReviewStore.

A claim holds fields, or boxes of fields, until it expires; whoever asks then gets them. Several gateways share one
database, and no two claims that have not expired hold the same.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, Self

from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.store.ports import Change, ChangeOutcome, FieldRecord, StoredField, StoredPage

ClaimKind = Literal["review", "control", "second", "digits"]
KeyOutcome = ChangeOutcome | Literal["not_claimed"]


class FieldPlace(NamedTuple):
    """A field of a page. group: of the page, as it is stored."""

    group: str
    name: str


class Place(NamedTuple):
    """What a claim may hold. box: None for the whole field."""

    field: FieldPlace
    box: int | None = None


@dataclass(frozen=True)
class BoxKey:
    """What a person says of a box. digit: None if it is none that can be read. seen: how many words on the box come
    before; None in a new one if its client does not say."""

    box: int
    digit: int | None
    by: str
    at: datetime
    seen: int | None = None


@dataclass(frozen=True)
class ReviewedField:
    """A field's value and what people have said of it. boxes: the last word on each box that anybody has keyed."""

    record: FieldRecord
    boxes: Mapping[int, BoxKey]


@dataclass(frozen=True)
class ReviewedPage:
    """A page without fields, and those of its fields that were asked for or have changed."""

    page: StoredPage
    fields: tuple[ReviewedField, ...]


@dataclass(frozen=True)
class StoredClaim:
    """Who holds what. group: as its tenant knows it. subject: Principal.subject. clerk: by whose name changes go."""

    id: str
    tenant: str
    group: str
    subject: str
    clerk: str
    kind: ClaimKind
    expires_at: datetime


@dataclass(frozen=True)
class Held:
    """A place that somebody's claim holds now."""

    place: Place
    clerk: str
    kind: ClaimKind


@dataclass(frozen=True)
class Claimed:
    """A place that a claim has got, with its field as it is now. heard: of its recording, if there is one."""

    place: Place
    field: StoredField
    reviewed: ReviewedField
    heard: HeardField | None = None


@dataclass(frozen=True)
class NewKey:
    """A key of a claim. seen: as in NewChange. of_boxes: what people have said of every box of the field; the claim of
    one of them is enough."""

    field: FieldPlace
    change: Change
    seen: int
    of_boxes: bool = False


@dataclass(frozen=True)
class Kept:
    """What became of a key, and the field as it is now; None if there is no such field."""

    outcome: KeyOutcome
    reviewed: ReviewedField | None = None


Wanted = Callable[[str, str], bool]
"""Whether a field, by its page's group and its name, is asked for."""
IsOpen = Callable[[Place, ReviewedField], bool]
"""Whether a place is still to be keyed."""


class ReviewStore(Protocol):
    """Keeps claims and what is keyed under them, durably when a method returns. Safe to use from several threads.

    Every method raises StoreError if the database cannot be reached, AccessError if it refuses access, SettingsError
    if it can never serve. Control characters in names of people are kept escaped.
    """

    def pages_to_review(self, groups: Collection[str], template: str, wanted: Wanted) -> Iterator[ReviewedPage]:
        """Pages of these groups with values, in the order of PageStore.pages: of each, the fields that the model leaves
        to people, those that have changed, and those that are wanted."""
        ...

    def fields(self, places: Collection[FieldPlace]) -> dict[FieldPlace, ReviewedField]:
        """These fields, as far as they have values."""
        ...

    def claim(
        self, claim: StoredClaim, places: Sequence[Place], count: int, now: datetime, is_open: IsOpen
    ) -> list[Claimed]:
        """Give the claim up to count of these places, the first ones that are open and that nobody holds.

        A field as a whole and its boxes exclude each other. The claim is kept if it gets any; it may be asked for
        more. Of two that ask at once each gets others.
        """
        ...

    def find_claim(self, claim_id: str) -> StoredClaim | None:
        """A claim that is not given back, also if it has expired."""
        ...

    def renew(self, claim_id: str, expires_at: datetime) -> None:
        """Let a claim expire later. One that has expired holds again what nobody else has got meanwhile."""
        ...

    def release(self, claim_id: str) -> None:
        """Give a claim back; nothing happens if there is none. Nothing can be undone under it then."""
        ...

    def held(self, tenant: str, group: str, now: datetime) -> list[Held]:
        """What is held in a group, in any order."""
        ...

    def put_keys(self, claim_id: str, keys: Sequence[NewKey], expires_at: datetime) -> list[Kept]:
        """Keep what the claim's holder says of fields, all or none, and renew the claim; in order of the keys.

        not_claimed: the claim does not have the field, or somebody else has got it since. Who has only boxes of it may
        undo, or say what all boxes say. What is kept is held no longer; an undo holds it again.
        """
        ...

    def put_boxes(
        self, claim_id: str, keys: Sequence[tuple[FieldPlace, BoxKey]], expires_at: datetime
    ) -> list[Kept]:  # fmt: skip
        """The same for boxes. known: the person has said that as the word after seen; without seen, the last word is
        the same. outdated: another word came after seen."""
        ...

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
