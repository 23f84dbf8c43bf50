"""Publishes records until each is acknowledged."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from mmdigit.transport.ports import Publisher
from schemas.errors import TransportError

FLUSH_TIMEOUT_S = 30.0


class Outgoing(NamedTuple):
    """A record to be published."""

    key: bytes | None
    value: bytes
    headers: Mapping[str, bytes] | None = None


class Unacknowledged:
    """Records that a publisher has yet to acknowledge."""

    def __init__(self, publisher: Publisher, records: Iterable[Outgoing], what: str) -> None:
        """what: the plural name of the records, for the error."""
        self._publisher = publisher
        self._records = dict(enumerate(records))
        self._what = what

    def publish(self) -> None:
        """Send those that are left, and return when all are acknowledged.

        Raises TransportError if some are not: call it again. Raises InvalidRecord if one is larger than the topic
        takes.
        """
        for number, record in list(self._records.items()):
            self._publisher.send(record.key, record.value, partial(self._records.pop, number, None), record.headers)
        self._publisher.flush(FLUSH_TIMEOUT_S)
        if self._records:  # checked here too: no commit may rest on the adapter alone
            raise TransportError(f"expected all {self._what} acknowledged, got {len(self._records)} that are not")
