"""Connections: all that are open, how many there may be, and how long each may take."""

import asyncio
import logging
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mmdigit.gateway.metrics import Closing

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 1.0
OTHER_FILES = 256
"""Files that the program has open besides its connections: databases, brokers, logs."""


@dataclass(frozen=True)
class Patience:
    """How long the gateway waits for a client, in seconds unless said otherwise."""

    head_s: float = 10.0
    """For a whole request head, from its first byte or from the connection's start."""
    body_s: float = 20.0
    """For the next byte of a body."""
    body_bytes_per_s: float = 1024.0
    """The least rate of a body, averaged since its begin, once body_s have passed."""
    reader_s: float = 30.0
    """For the client to take any byte of its answer."""
    rest_s: float = 10.0
    """For the rest of a body that was answered before its end."""
    idle_s: int = 75
    """For the next request. Longer than a load balancer keeps a connection (AWS: 60 s): if the gateway closed it first,
    a request could be on its way."""


class Connection(Protocol):
    """What a sweep needs of a connection."""

    def overdue(self, now_s: float) -> Closing | None:
        """Why its client takes too long; None if it does not."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


class Connections:
    """Bounds the connections. Its methods are for the event loop's thread.

    A connection without a whole request is one that is idle, or whose head or body is on its way. They stand in the
    order in which they last got on; when there are too many connections, the first of them gives its place to the new
    one. A client that sends its request at once is thus answered however many slow ones there are.
    """

    def __init__(self, limit: int, closed: Callable[[Closing], object], patience: Patience | None = None) -> None:
        """closed: is told why a connection was closed early."""
        self.patience = patience or Patience()
        self._limit = limit
        self.closed = closed
        self._open: set[Connection] = set()
        self._without_request: dict[Connection, None] = {}  # the one that waits longest first

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """A new connection; another one, or itself, is closed if there are too many."""
        if len(self._open) >= self._limit:
            # All others may be waiting for their answers. Then there is no room.
            self.close(next(iter(self._without_request), connection), "room")
        self._open.add(connection)
        self._without_request[connection] = None

    def discard(self, connection: Connection) -> None:
        """The connection has ended."""
        self._open.discard(connection)
        self._without_request.pop(connection, None)

    def got_on(self, connection: Connection) -> None:
        """The connection awaits a request, or has received a part of it."""
        if connection in self._open:
            self._without_request.pop(connection, None)
            self._without_request[connection] = None

    def requested(self, connection: Connection) -> None:
        """The connection has a whole request."""
        self._without_request.pop(connection, None)

    def close(self, connection: Connection, reason: Closing) -> None:
        """Close it at once and count why."""
        self.discard(connection)
        self.closed(reason)
        connection.abort()

    def sweep(self, now_s: float) -> None:
        """Close every connection whose client takes too long. now_s: by the event loop's clock."""
        for connection in list(self._open):
            reason = connection.overdue(now_s)
            if reason is not None:
                self.close(connection, reason)

    async def keep_sweeping(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.sweep(loop.time())


def room_for(connections: int) -> int:
    """How many of the connections the limit on open files leaves room for, once that is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft >= wanted:
        return connections
    room = max(soft - OTHER_FILES, soft // 2)
    log.warning(
        "fewer connections than --max-connections: the limit on open files (ulimit -n) is low",
        extra={"max_connections": connections, "connections": room, "open_files": hard},
    )
    return room
