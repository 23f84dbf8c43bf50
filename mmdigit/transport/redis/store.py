"""PredictionStore on Redis: stores a batch in one round trip per server.

A single server stores all of a batch or none. On a Redis Cluster that holds per bucket (keys.py): after an error, some
of the batch may be stored. Putting it again is harmless, because one script writes a job's prediction and its count.

The feed of a cluster is one stream per bucket. The writer's clock and the index in the batch give each prediction its
position, by which readers merge the streams. A stream whose newest entry is ahead of that clock assigns the next
position itself. A reader's position contains one position per stream, so it skips nothing even if clocks differ.

Requires Redis 7 or newer, or a compatible fork.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from mmdigit.settings.access import RedisAccess
from mmdigit.transport.encoding import decode_note, decode_prediction, encode_prediction
from mmdigit.transport.ports import GroupCounts, Outcome
from mmdigit.transport.redis.address import RedisAddress
from mmdigit.transport.redis.client import SOCKET_TIMEOUT_S, open_servers
from mmdigit.transport.redis.keys import KeyLayout
from mmdigit.transport.redis.outcomes import encode_entry, read_outcomes
from mmdigit.transport.redis.scripts import PUT, PUT_DEAD, Script
from mmdigit.transport.redis.servers import Call, Servers
from schemas.dead_letter import DeadLetter
from schemas.errors import SettingsError, StoreError
from schemas.prediction import Prediction
from schemas.printable import printable

_MAX_BLOCK_S = SOCKET_TIMEOUT_S / 2  # a blocking read must end before the socket times out
_MAX_POLL_PAUSE_S = 0.25  # between polls of a cluster's feed: no single call can block on all of its streams
_POSITION = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")
_INDEX = re.compile(r"[0-9]{1,18}")
_COUNT = re.compile(rb"-?[0-9]{1,20}")
_OLDEST = "0-0"


def open_redis_store(
    address: RedisAddress, *, ttl_s: int, feed_length: int, replicas: int, access: RedisAccess, as_json: bool = False
) -> "RedisStore":
    """Open the store at this address.

    Raises AccessError if a server refuses access, SettingsError if it is unsuitable, StoreError if none answers.
    """
    servers, layout = open_servers(address, access)
    return RedisStore(servers, layout, ttl_s=ttl_s, feed_length=feed_length, replicas=replicas, as_json=as_json)


class RedisStore:
    """Predictions, dead-letter notes, group counts and the feed on Redis.

    replicas: how many replicas of each server must acknowledge a write.
    """

    def __init__(
        self,
        servers: Servers,
        layout: KeyLayout,
        *,
        ttl_s: int,
        feed_length: int,
        replicas: int,
        clock: Callable[[], float] = time.time,
        as_json: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._servers = servers
        self._layout = layout
        self._buckets = layout.buckets
        self._ttl_s = ttl_s
        self._feed_share = layout.feed_length_per_bucket(feed_length)
        self._replicas = replicas
        self._feed_positions = _FeedPositions(clock)
        self._clock = clock
        self._as_json = as_json
        self._monotonic = monotonic
        self._sleep = sleep

    def put(self, predictions: Sequence[Prediction]) -> None:
        # A single server keeps the order of the calls.
        positions = self._feed_positions.take(len(predictions)) if len(self._buckets) > 1 else ["*"] * len(predictions)
        calls = []
        for number, indices in self._layout.group_by_bucket([prediction.job_id for prediction in predictions]).items():
            bucket = self._buckets[number]
            keys = [bucket.feed]
            arguments: list[str | int | bytes] = [self._feed_share]
            for index in indices:
                prediction = predictions[index]
                keys += [bucket.prediction + prediction.job_id, bucket.note + prediction.job_id]
                arguments += [
                    encode_prediction(prediction, as_json=self._as_json),
                    prediction.group or "",
                    positions[index],
                    encode_entry(prediction.job_id, dead=False) if prediction.group else "",
                ]
            calls.append(self._script(PUT, number, keys, arguments))
        self._servers.run(calls, replicas=self._replicas)

    def put_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        letters = [(letter.job_id, letter) for letter in dead_letters if letter.job_id is not None]
        calls = []
        for number, indices in self._layout.group_by_bucket([job_id for job_id, _ in letters]).items():
            bucket = self._buckets[number]
            keys: list[str] = []
            arguments: list[str | int | bytes] = []
            for job_id, letter in (letters[index] for index in indices):
                keys += [bucket.prediction + job_id, bucket.note + job_id]
                arguments += [
                    json.dumps({"reason": letter.reason, "group": letter.group}),
                    letter.group or "",
                    encode_entry(job_id, dead=True),
                ]
            calls.append(self._script(PUT_DEAD, number, keys, arguments))
        self._servers.run(calls, replicas=self._replicas)

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        values = self._values(job_ids, [bucket.prediction for bucket in self._buckets])
        return [None if value is None else decode_prediction(value) for value in values]

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        values = self._values(job_ids, [bucket.note for bucket in self._buckets])
        return [None if value is None else decode_note(value)[0] for value in values]

    def counts(self, group: str) -> GroupCounts:
        keys = [bucket.group + group for bucket in self._buckets]
        answers = self._servers.run([Call(number, ("HMGET", key, "done", "dead")) for number, key in enumerate(keys)])
        if any(value is not None and _COUNT.fullmatch(value) is None for answer in answers for value in answer):
            raise StoreError(f"expected group counts at the key {keys[0]}, got something else; remove it")
        done, dead = (sum(int(answer[field] or 0) for answer in answers) for field in (0, 1))
        return GroupCounts(done=done, dead=dead)

    def group_outcomes(self, group: str, after: str = "", limit: int = 1000) -> list[Outcome]:
        numbers = after.split(",") if after else ["0"] * len(self._buckets)
        if len(numbers) != len(self._buckets) or not all(map(_INDEX.fullmatch, numbers)):
            raise SettingsError(f"expected a position in this group, or none, {_got(after)}; start again without one")
        return read_outcomes(self._servers, self._buckets, group, [int(number) for number in numbers], limit)

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        positions = self._positions(after)
        deadline_s = self._monotonic() + timeout_s
        pause_s = 0.01
        while True:
            left_s = deadline_s - self._monotonic()
            # The server can block on a single stream.
            block_ms = int(min(left_s, _MAX_BLOCK_S) * 1000) if len(self._buckets) == 1 else 0
            entries = self._entries(positions, limit, block_ms)
            if entries or left_s <= 0:
                break
            if len(self._buckets) > 1:
                self._sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, _MAX_POLL_PAUSE_S)
        found = []
        for entry in entries:
            positions[entry.bucket] = f"{entry.milliseconds}-{entry.sequence}"
            found.append((",".join(positions), decode_prediction(entry.prediction)))
        return found

    def feed_end(self) -> str:
        calls = [
            Call(number, ("XREVRANGE", bucket.feed, "+", "-", "COUNT", 1))
            for number, bucket in enumerate(self._buckets)
        ]
        newest = self._servers.run(calls)  # each: [[position, fields]], or [] of an empty stream
        return ",".join(entries[0][0].decode() if entries else "" for entries in newest)

    def close(self) -> None:
        self._servers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _script(self, script: Script, number: int, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Call:
        bucket = self._buckets[number]
        now_us = int(self._clock() * 1e6)
        common = (bucket.group, self._ttl_s, bucket.outcomes, bucket.prediction, bucket.note, now_us)
        return Call(number, ("EVALSHA", script.sha, len(keys), *keys, *common, *arguments))

    def _values(self, job_ids: Sequence[str], prefixes: Sequence[str]) -> list[bytes | None]:
        by_bucket = self._layout.group_by_bucket(job_ids)
        calls = [
            Call(number, ("MGET", *(prefixes[number] + job_ids[index] for index in indices)))
            for number, indices in by_bucket.items()
        ]
        values: list[bytes | None] = [None] * len(job_ids)
        for indices, answer in zip(by_bucket.values(), self._servers.run(calls), strict=True):
            for index, value in zip(indices, answer, strict=True):
                values[index] = value
        return values

    def _positions(self, after: str) -> list[str]:
        """The last position read in each bucket's stream, "" for none."""
        positions = after.split(",") if after else [""] * len(self._buckets)
        whole = len(positions) == len(self._buckets)
        if not whole or any(position and _POSITION.fullmatch(position) is None for position in positions):
            raise SettingsError(f"expected a position from this feed, or none, {_got(after)}; start again without one")
        return positions

    def _entries(self, positions: Sequence[str], limit: int, block_ms: int) -> list["_Entry"]:
        """The next entries of all streams, in order."""
        count = min(limit, 2 * limit // len(self._buckets) + 2)
        block = ("BLOCK", block_ms) if block_ms > 0 else ()  # for Redis, 0 means forever
        calls = [
            Call(number, ("XREAD", "COUNT", count, *block, "STREAMS", self._buckets[number].feed, position or _OLDEST))
            for number, position in enumerate(positions)
        ]
        streams = [_entries_of(bucket, answer) for bucket, answer in enumerate(self._servers.run(calls))]
        entries = sorted(entry for stream in streams for entry in stream)
        # A stream that was cut off at count may have more entries before later entries of the others.
        horizon = min((stream[-1] for stream in streams if len(stream) == count), default=None)
        return [entry for entry in entries if horizon is None or entry <= horizon][:limit]


def _got(position: str) -> str:
    return f"got '{printable(position, 200)}'"


class _Entry(NamedTuple):
    """An entry of the feed. Entries sort in reading order."""

    milliseconds: int
    sequence: int
    bucket: int
    prediction: bytes


def _entries_of(bucket: int, answer: Any) -> list[_Entry]:
    """answer: the reply to XREAD on one stream, in RESP 2."""
    entries = []
    for position, fields in answer[0][1] if answer else ():
        milliseconds, _, sequence = position.decode().partition("-")
        prediction = dict(zip(fields[::2], fields[1::2], strict=True)).get(b"prediction", b"")
        entries.append(_Entry(int(milliseconds), int(sequence), bucket, prediction))
    return entries


class _FeedPositions:
    """Strictly increasing feed positions: the time in milliseconds and a sequence number."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._milliseconds = 0
        self._sequence = 0

    def take(self, count: int) -> list[str]:
        """The next count positions."""
        now = int(self._clock() * 1000)
        if now > self._milliseconds:
            self._milliseconds, self._sequence = now, 0
        first = self._sequence
        self._sequence += count
        return [f"{self._milliseconds}-{sequence}" for sequence in range(first, self._sequence)]
