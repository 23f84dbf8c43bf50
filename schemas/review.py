"""What reviewing over the HTTP API takes and gives. Clients ignore fields of a later gateway."""

import base64
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from schemas.message import ExtensibleMessage, Message
from schemas.prediction import Label
from schemas.timestamp import Timestamp

ReviewKind = Literal["review", "control", "second", "digits"]
"""review: fields that the model is unsure of. control: accepted fields, drawn by chance, keyed blind. second: fields of
which two people must say the same; whoever keyed first never gets them. digits: boxes that were all read as one digit.
"""

MAX_CLAIMED = 200
"""Fields or boxes of one claim."""
MAX_TYPED = 64
"""Characters that a person types for a field."""
MAX_CLERK = 64
"""Characters of a person's name."""

Picture = Annotated[
    bytes, PlainSerializer(lambda picture: base64.b64encode(picture).decode(), return_type=str, when_used="json")
]
"""PNG; in JSON as base64 of the standard alphabet, which atob and data: URLs take."""
ClerkName = Annotated[str, Field(min_length=1, max_length=MAX_CLERK)]


class FieldsLeft(ExtensibleMessage):
    """How much is left, claimed or not. digits: boxes by the digit that was read, 0 to 9."""

    review: int = 0
    control: int = 0
    second: int = 0
    digits: tuple[int, ...] = (0,) * 10


class ClerkActivity(ExtensibleMessage):
    """What a person has done in a group. seconds: median from one field to the next, without pauses over a minute and
    without keys that came in one request with others; null if none is left. holds: fields that they have claimed
    now."""

    clerk: str
    keyed: int
    seconds: float | None = None
    holds: int = 0
    last_at: Timestamp | None = None


class ReviewGroup(ExtensibleMessage):
    """A group of scanned forms in which there is something to review, or was."""

    group: str
    form: str
    """Code of the form."""
    fields: int
    """With a value."""
    left: FieldsLeft
    clerks: tuple[ClerkActivity, ...] = ()


class ReviewGroups(ExtensibleMessage):
    """Groups, newest first."""

    groups: tuple[ReviewGroup, ...]


class ClaimRequest(Message):
    """Asks for work that nobody else has."""

    form: str | None = None
    """Code of the form, where a group has pages of several."""
    kind: ReviewKind = "review"
    digit: Label | None = None
    """Of kind digits: the digit that was read."""
    count: Annotated[int, Field(ge=1, le=MAX_CLAIMED)] = 20
    clerk: ClerkName | None = None
    """Who asks, where nobody logs in; else the name of the token counts."""


class ReviewBox(ExtensibleMessage):
    """Where a box lies in the field's picture, in its pixels, and the digit that was read in it; null if none was."""

    left: int
    top: int
    width: int
    height: int
    digit: Label | None = None


class HeardDigit(ExtensibleMessage):
    """A digit that is heard in a field's recording, from and to which second. box: of the field, from 0, and written:
    the digit that is seen in it; null if that cannot be told."""

    heard: Label
    start_s: float
    end_s: float
    box: int | None = None
    written: Label | None = None


class ReviewSound(ExtensibleMessage):
    """What is heard in the recording of a field, whose sound get_field_sound gives; it may be of other fields of the
    page, too."""

    digits: tuple[HeardDigit, ...] = ()


class ReviewField(ExtensibleMessage):
    """A field to key. In control and second, nothing tells what was read: text, alternatives, chance, reasons, the
    boxes' digits and those that are heard are left out."""

    field: str
    """Its id, for keys and history."""
    serial: int | None = None
    page: int
    name: str
    label: str
    type: str
    """digits, decimal, date, time or check."""
    count: int
    """Boxes, of which each holds a digit."""
    checks: str = ""
    """What a value must pass, in words."""
    crop: Picture
    """The field's picture, PNG; base64 in JSON."""
    boxes: tuple[ReviewBox, ...] = ()
    sound: ReviewSound | None = None
    """Of a field that was read aloud; null without a recording that can be played."""
    text: str | None = None
    alternatives: tuple[str, ...] = ()
    """Other values that pass the checks, the likeliest first."""
    chance: float | None = None
    reasons: tuple[str, ...] = ()
    seen: int = 0
    """How many changes the field has; give it back with the key."""


class DigitBox(ExtensibleMessage):
    """A box of kind digits."""

    field: str
    box: int
    """In the field, from 0."""
    serial: int | None = None
    """Of the form, with the page, the field's name and its label: what a person calls the box."""
    page: int
    name: str
    label: str
    crop: Picture
    """The box's picture, PNG; base64 in JSON."""
    digit: Label
    seen: int = 0
    """How often the box has been keyed; give it back with the key."""


class Claim(ExtensibleMessage):
    """Work that is one's own until it expires, is keyed or given back. Empty: there is none left."""

    claim: str
    clerk: str
    kind: ReviewKind
    expires_at: Timestamp
    fields: tuple[ReviewField, ...] = ()
    boxes: tuple[DigitBox, ...] = ()


class Key(Message):
    """What a person says of a field: see docs/use/review.md for what may be typed. undo: take one's own last key of the
    field back; text is then empty."""

    field: Annotated[str, Field(max_length=256)]
    text: Annotated[str, Field(max_length=MAX_TYPED)] = ""
    seen: Annotated[int, Field(ge=0)] = 0
    undo: bool = False


class DigitKey(Message):
    """What a person says of a box of kind digits. digit: the digit in it; null if it is none that a person can read.
    seen: as the claim has it, and one more with each key of the box since; without it, the key that comes last holds,
    also if it is an old one that is sent again."""

    field: Annotated[str, Field(max_length=256)]
    box: Annotated[int, Field(ge=0, lt=256)]
    digit: Label | None
    seen: Annotated[int | None, Field(ge=0)] = None


class Keys(Message):
    """What a person says, of one claim. Sending it again changes nothing."""

    fields: Annotated[tuple[Key, ...], Field(max_length=MAX_CLAIMED)] = ()
    boxes: Annotated[tuple[DigitKey, ...], Field(max_length=MAX_CLAIMED)] = ()


class KeyResult(ExtensibleMessage):
    """What became of one key, in the order of the request. value: what the field now has; in control and second, what
    the person has typed. error: why it was refused; of a box, why the field whose last box it is stays in review."""

    field: str
    outcome: Literal["kept", "known", "outdated", "refused", "not_claimed", "needs_second"]
    value: str | None = None
    error: str | None = None
    seen: int = 0


class KeyResults(ExtensibleMessage):
    """What became of keys. left: of all forms of the group; second: without those that this person has keyed."""

    results: tuple[KeyResult, ...]
    left: FieldsLeft


class FieldChange(ExtensibleMessage):
    """A line of a field's audit trail."""

    at: Timestamp
    by: str
    kind: str
    """read, correction, control, first, second or undo."""
    before: str
    after: str


class FieldHistory(ExtensibleMessage):
    """All that happened to a field, oldest first; the first line is what the model read."""

    field: str
    changes: tuple[FieldChange, ...]
