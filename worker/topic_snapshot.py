"""Reads the records that a topic holds when the reading begins: for commands that end, unlike the worker."""

import math
import time
from collections.abc import Callable

from mmdigit.transport.ports import Consumer, Record, TopicPartition
from schemas.errors import TransportError

POLL_TIMEOUT_S = 0.5
SILENCE_TIMEOUT_S = 60.0
"""An unreachable broker may show as empty polls; after so long without a record, reading fails."""


class TopicSnapshot:
    """The records that the topic holds when its partitions are first read; later ones are left out."""

    def __init__(self, consumer: Consumer, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        """what: the plural name of the records, for the error."""
        self._consumer = consumer
        self._what = what
        self._clock = clock
        self._next_offsets: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._silent_since_s: float | None = None

    def poll(self, max_records: int) -> list[Record]:
        """Up to max_records records of the snapshot; empty if none arrived in time.

        Raises TransportError if none arrived for SILENCE_TIMEOUT_S.
        """
        began_s = self._clock()
        records = self._consumer.poll(max_records, POLL_TIMEOUT_S)
        if records:
            self._silent_since_s = None
        elif self._silent_since_s is None:
            self._silent_since_s = began_s
        if self._silent_since_s is not None and self._clock() - self._silent_since_s >= SILENCE_TIMEOUT_S:
            raise TransportError(
                f"expected {self._what} or the topic's end within {SILENCE_TIMEOUT_S:.0f} s, got neither; check the "
                "broker, and whether the same command runs elsewhere and holds the partitions; then run it again to "
                "continue"
            )
        for record in records:
            self._next_offsets[record.topic_partition] = record.offset + 1
        lag = self._consumer.lag()
        for partition in {record.topic_partition for record in records} & lag.keys() - self._ends.keys():
            self._ends[partition] = self._next_offsets[partition] + lag[partition]
        return [record for record in records if record.offset < self._ends.get(record.topic_partition, math.inf)]

    def is_exhausted(self) -> bool:
        """Whether every record of every owned partition is read, as last known; never waits."""
        lag = self._consumer.lag()
        return bool(lag) and all(
            lag.get(partition) == 0 or self._next_offsets.get(partition, -1) >= self._ends.get(partition, math.inf)
            for partition in self._consumer.assignment()
        )

    @property
    def remaining(self) -> int:
        """How many records are unread, later ones included, as last known."""
        return sum(self._consumer.lag().values())
