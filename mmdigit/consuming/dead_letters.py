"""Builds the dead letter of a record, and publishes dead letters until each is acknowledged."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from mmdigit.transport.ports import Publisher, Record
from schemas.dead_letter import MAX_ERROR_CHARACTERS, MAX_TIMES_DEAD, DeadLetter, times_dead_before
from schemas.errors import InvalidJob, TransportError
from schemas.prediction import Source
from schemas.printable import printable
from schemas.trace import trace_of, traceparent_of
from schemas.wire import encode

DEAD_LETTER_TIMEOUT_S = 30.0


def make_dead_letter(
    record: Record,
    error: InvalidJob,
    now: datetime,
    attempts: int,
    job_id: str | None = None,
    group: str | None = None,
) -> DeadLetter:
    """The record, byte for byte, and why it can never succeed. attempts: at least 1."""
    trace = trace_of(record.headers)
    return DeadLetter(
        original=record.value,
        key=record.key,
        source=source_of(record),
        reason=error.reason,
        error=printable(str(error), MAX_ERROR_CHARACTERS - 3),  # it may quote the record
        job_id=job_id,
        group=group,
        first_seen=now,
        last_seen=now,
        attempts=attempts,
        times_dead=min(times_dead_before(record.headers) + 1, MAX_TIMES_DEAD),
        traceparent=traceparent_of(trace) if trace else None,
    )


def source_of(record: Record) -> Source:
    """The place of the record."""
    return Source(topic=record.topic, partition=record.partition, offset=record.offset)


class Unacknowledged:
    """Dead letters that a publisher has yet to acknowledge."""

    def __init__(self, publisher: Publisher, letters: Sequence[DeadLetter]) -> None:
        self._publisher = publisher
        self._letters = dict(enumerate(letters))

    def publish(self) -> None:
        """Send those that are left, and return when all are acknowledged. Raises TransportError to be called again."""
        for number, letter in list(self._letters.items()):
            acknowledged = partial(self._letters.pop, number, None)
            self._publisher.send(letter.key, encode(letter, "msgpack"), acknowledged)
        self._publisher.flush(DEAD_LETTER_TIMEOUT_S)
        if self._letters:  # checked here too: no commit may rest on the adapter alone
            raise TransportError(f"expected all dead letters acknowledged, got {len(self._letters)} that are not")
