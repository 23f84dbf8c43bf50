"""When each prediction became visible in Redis: times the server's own events, whatever program wrote it.

    with Observer(redis_url) as observer:
        ...  # a worker writes predictions
    for job_id, times_s in observer.times_s().items(): ...

A thread reads the socket and keeps each chunk with its arrival time. Parsing waits for times_s(), so observing costs
microseconds a batch. Source: https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/.
"""

import re
import socket
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from urllib.parse import urlsplit

import redis

from schemas.errors import StoreError

PREDICTION_PREFIX = "mmdigit:prediction:"
PROBE_KEY = "mmdigit:observer"
_PROBE = f"\r\n{PROBE_KEY}\r\n".encode()
_EVENTS = "E$"  # key events of string commands: SET, not EXPIRE
_CONFIRMED_WITHIN_S = 5.0
_CHUNK_BYTES = 1 << 20
_KEY = re.compile(rb"\r\n" + PREDICTION_PREFIX.encode() + rb"([^\r\n]+)\r\n")


class Observer(AbstractContextManager["Observer"]):
    """Listens until the end of its block; turns the server's events on and off."""

    def __init__(self, redis_url: str) -> None:
        """Returns when the server has confirmed the subscription. Raises StoreError if it does not."""
        parts = urlsplit(redis_url)
        self._channel = f"__keyevent@{parts.path.strip('/') or 0}__:set"
        self._chunks: list[tuple[float, bytes]] = []
        self._client = redis.Redis.from_url(redis_url)
        self._client.config_set("notify-keyspace-events", _EVENTS)
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=5.0)
        name = self._channel.encode()
        self._socket.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%b\r\n" % (len(name), name))
        if not self._socket.recv(_CHUNK_BYTES).startswith(b"*3\r\n$9\r\nsubscribe"):
            raise StoreError(
                f"expected Redis at {parts.netloc} to confirm a subscription to {self._channel}, got no answer"
            )
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._listen, name="observer", daemon=True)
        self._thread.start()

    def times_s(self) -> dict[str, list[float]]:
        """The times (time.monotonic) at which each job's prediction was set; more than one is a duplicate.

        Includes all that was set before this call: events arrive in order, so it waits for the event of a probe.
        """
        self.delay_s()
        return times_in(list(self._chunks))

    def delay_s(self) -> float:
        """Seconds from sending a SET to its event: the most that observing adds to a latency. Leaves no key."""
        before = len(self._chunks)
        sent_s = time.monotonic()
        self._client.set(PROBE_KEY, b"")
        deadline_s = sent_s + _CONFIRMED_WITHIN_S
        while _PROBE not in b"".join(chunk for _, chunk in self._chunks[before:]):
            if time.monotonic() > deadline_s:
                raise StoreError(f"expected the event of a SET within {_CONFIRMED_WITHIN_S} s, got none")
            time.sleep(0)
        self._client.delete(PROBE_KEY)
        return self._chunks[-1][0] - sent_s

    def __exit__(self, *exc_info: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._client.config_set("notify-keyspace-events", "")
        self._client.close()

    def _listen(self) -> None:
        while chunk := self._socket.recv(_CHUNK_BYTES):
            self._chunks.append((time.monotonic(), chunk))


def times_in(chunks: Sequence[tuple[float, bytes]]) -> dict[str, list[float]]:
    """The arrival times of each job's events: of the chunk that completed each. chunks: Redis's wire protocol."""
    ends = list(accumulate(len(chunk) for _, chunk in chunks))
    found: dict[str, list[float]] = {}
    for key in _KEY.finditer(b"".join(chunk for _, chunk in chunks)):
        number = bisect_left(ends, key.end())
        found.setdefault(key[1].decode(), []).append(chunks[number][0])
    return found
