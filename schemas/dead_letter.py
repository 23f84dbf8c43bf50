"""DeadLetter: a record that can never succeed, kept whole with the reason."""

from typing import Annotated, Final

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.message import Message, VersionOne
from schemas.moment import Moment
from schemas.prediction import MAX_COUNT, Source

DEAD_LETTER_VERSION: Final = 1
MAX_ERROR_CHARACTERS = 1000
REASON_PATTERN = r"^[a-z_]{1,40}$"


class DeadLetter(Message):
    """A record that can never succeed: its original bytes, where it stood, and why."""

    version: VersionOne = DEAD_LETTER_VERSION
    original: bytes
    """The record's value, byte for byte."""
    key: bytes | None = None
    """The record's key, byte for byte, so that a replay lands on the same partition."""
    source: Source
    reason: Annotated[str, Field(pattern=REASON_PATTERN)]
    error: Annotated[str, Field(max_length=MAX_ERROR_CHARACTERS)]
    job_id: Identifier | None = None
    """Of the job, where the record could be decoded that far."""
    group: Identifier | None = None
    first_seen: Moment
    last_seen: Moment
    attempts: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
