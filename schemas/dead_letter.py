"""DeadLetter: a record that can never succeed, kept whole with the reason."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from schemas.identifiers import Identifier
from schemas.message import Outcome, VersionOne
from schemas.prediction import MAX_COUNT, Source
from schemas.timestamp import Moment
from schemas.trace import TRACEPARENT_PATTERN, trace_headers

DEAD_LETTER_VERSION: Final = 1
MAX_ERROR_CHARACTERS = 1000
MAX_TIMES_DEAD = 1000

TIMES_DEAD_HEADER = "mmdigit-times-dead"
"""Header of a record that was sent again from a dead letter: how many times its job had been dead-lettered by then, in
decimal digits."""
REASON_PATTERN = r"^[a-z_]{1,40}$"


class DeadLetter(Outcome):
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
    """How often the stage that failed was tried before the job was given up."""
    times_dead: Annotated[int, Field(ge=1, le=MAX_TIMES_DEAD)] = 1
    """How many times this job has become a dead letter: 1, and one more each time that a replay failed again."""
    traceparent: Annotated[str, Field(pattern=TRACEPARENT_PATTERN)] | None = None
    """The record's, if it had a valid one, so that a replay belongs to the same trace."""


def replay_headers(letter: DeadLetter) -> dict[str, bytes]:
    """The headers to send the letter's original with, so that its next dead letter counts on, in the same trace."""
    return {TIMES_DEAD_HEADER: str(letter.times_dead).encode()} | trace_headers(letter.traceparent)


def times_dead_before(headers: Mapping[str, bytes]) -> int:
    """How many times the job of a record with these headers has been dead-lettered: 0 without the header of a replay.

    Anybody can write a header: what is no number counts as none, and what is over MAX_TIMES_DEAD as that.
    """
    text = headers.get(TIMES_DEAD_HEADER, b"")
    return min(int(text), MAX_TIMES_DEAD) if text.isdigit() and len(text) <= len(str(MAX_TIMES_DEAD)) else 0
