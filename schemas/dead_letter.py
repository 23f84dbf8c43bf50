"""DeadLetter: a record that can never succeed, kept byte for byte with the reason."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.message import ExtensibleMessage, VersionOne
from schemas.prediction import MAX_COUNT, Source
from schemas.timestamp import Timestamp
from schemas.trace import TRACEPARENT_PATTERN, trace_headers

DEAD_LETTER_VERSION: Final = 1
MAX_ERROR_CHARACTERS = 1000
MAX_TIMES_DEAD = 1000

TIMES_DEAD_HEADER = "mmdigit-times-dead"
"""Header of a replayed record: how many times its job has been dead-lettered, in decimal digits."""
REASON_PATTERN = r"^[a-z_]{1,40}$"


class DeadLetter(ExtensibleMessage):
    """A record that can never succeed: its original bytes, its source and the reason."""

    version: VersionOne = DEAD_LETTER_VERSION
    original: bytes
    """The record's value, byte for byte."""
    key: bytes | None = None
    """The record's key, byte for byte, so that a replay lands on the same partition."""
    source: Source
    reason: Annotated[str, Field(pattern=REASON_PATTERN)]
    error: Annotated[str, Field(max_length=MAX_ERROR_CHARACTERS)]
    job_id: Identifier | None = None
    """The job's, if the record could be decoded that far."""
    group: Identifier | None = None
    first_seen: Timestamp
    last_seen: Timestamp
    attempts: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    """How many attempts the failed stage made."""
    times_dead: Annotated[int, Field(ge=1, le=MAX_TIMES_DEAD)] = 1
    """How many times this job has become a dead letter: 1, plus 1 for each replay that failed again."""
    traceparent: Annotated[str, Field(pattern=TRACEPARENT_PATTERN)] | None = None
    """The record's, if it had a valid one, so that a replay continues the trace."""


def replay_headers(letter: DeadLetter) -> dict[str, bytes]:
    """The headers of a replay: they carry times_dead and the trace on."""
    return {TIMES_DEAD_HEADER: str(letter.times_dead).encode()} | trace_headers(letter.traceparent)


def times_dead_before(headers: Mapping[str, bytes]) -> int:
    """How many times the job of this record has been dead-lettered; 0 if the record is not a replay.

    Anybody can write a header: an invalid number counts as 0, a larger one as MAX_TIMES_DEAD.
    """
    text = headers.get(TIMES_DEAD_HEADER, b"")
    return min(int(text), MAX_TIMES_DEAD) if text.isdigit() and len(text) <= len(str(MAX_TIMES_DEAD)) else 0
