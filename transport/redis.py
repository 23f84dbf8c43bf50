"""PredictionStore on Redis: one script call, and so one round trip, stores a whole batch at once or not at all.

    mmdigit:prediction:{job_id}   string: the prediction, as transport/stored.py writes it, with TTL
    mmdigit:dead:{job_id}         string: {"reason": ..., "group": ...}, with TTL
    mmdigit:group:{group}         hash: done, dead; TTL anew with each change
    mmdigit:predictions           stream: each job's first prediction in the field "prediction", capped

Needs Redis 7 or newer: a script that starts with #!lua is refused as a whole, before its first write, when the memory
is full or the server is a replica. One server (or one primary), not a Redis Cluster.
Source: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    ChildDeadlockedError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)
from redis.retry import Retry

from schemas.dead_letter import DeadLetter
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError
from schemas.prediction import Prediction
from transport.access import RedisAccess
from transport.ports import GroupCounts
from transport.stored import read_prediction, read_reason, write_prediction
from transport.tls import refusal, tls_context

FEED_KEY = "mmdigit:predictions"
CONNECT_TIMEOUT_S = 3.0
SOCKET_TIMEOUT_S = 5.0
RETRIES = 2
"""A dropped connection is mended unseen; an outage is an error within (1 + RETRIES) timeouts, and the caller's to wait
out. Repeating is safe: every script here is idempotent."""

_LONGEST_BLOCK_S = SOCKET_TIMEOUT_S / 2  # a blocking read ends before the socket's own time-out
_POSITION = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")

_COUNT = """
local steps = {done = {}, dead = {}}
local function count(group, field, step)
  if not group or group == cjson.null or group == '' then return end
  steps[field][group] = (steps[field][group] or 0) + step
end
local function write_counts(ttl_s)
  for field, groups in pairs(steps) do
    for group, step in pairs(groups) do
      local key = 'mmdigit:group:' .. group
      local left = tonumber(redis.call('HGET', key, field) or 0)
      step = math.max(step, -left)
      if step ~= 0 then
        redis.call('HINCRBY', key, field, step)
        redis.call('EXPIRE', key, ttl_s)
      end
    end
  end
end
"""

# KEYS: feed, then prediction and note of each job. ARGV: ttl_s, feed length, then prediction and group of each job.
_PUT = f"""#!lua
{_COUNT}
local ttl_s = ARGV[1]
for i = 2, #KEYS, 2 do
  local prediction, group = ARGV[i + 1], ARGV[i + 2]
  local first = redis.call('EXISTS', KEYS[i]) == 0
  redis.call('SET', KEYS[i], prediction, 'EX', ttl_s)
  if first then
    local note = redis.call('GETDEL', KEYS[i + 1])
    if note then count(cjson.decode(note)['group'], 'dead', -1) end
    count(group, 'done', 1)
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'prediction', prediction)
  end
end
write_counts(ttl_s)
"""

# KEYS: prediction and note of each job. ARGV: ttl_s, then note and group of each job.
_PUT_DEAD = f"""#!lua
{_COUNT}
local ttl_s = ARGV[1]
for i = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    local first = redis.call('EXISTS', KEYS[i + 1]) == 0
    redis.call('SET', KEYS[i + 1], ARGV[i + 1], 'EX', ttl_s)
    if first then count(ARGV[i + 2], 'dead', 1) end
  end
end
write_counts(ttl_s)
"""


def open_redis_store(
    url: str, *, ttl_s: int, feed_length: int, access: RedisAccess, as_json: bool = False
) -> "RedisStore":
    """The store at url. Raises AccessError if the server refuses, StoreError if it does not answer."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    security: dict[str, Any] = {}
    if access.password is not None:
        security |= {"username": access.username, "password": access.password.get_secret_value()}
    if parts.scheme == "rediss":
        tls_context(access.certificates, "redis")  # names a file that cannot be used before redis-py opens it
        files = {
            "ssl_ca_certs": access.certificates.ca,
            "ssl_certfile": access.certificates.certificate,
            "ssl_keyfile": access.certificates.key,
        }
        security |= {name: str(path) for name, path in files.items() if path is not None}
        security |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True, "ssl_min_version": ssl.TLSVersion.TLSv1_2}
    # A server that is asked for the wrong protocol hangs up, or waits, without a word.
    wrong_port = "speaks TLS (else redis://)" if parts.scheme == "rediss" else "wants TLS (then rediss://)"
    with mapped(address, f"check the address and the server's state, and whether this port {wrong_port}"):
        client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            health_check_interval=30,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), RETRIES),
            driver_info=None,  # else CLIENT SETINFO, a right more
            **security,
        )
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
    return RedisStore(client, address, ttl_s=ttl_s, feed_length=feed_length, as_json=as_json)


@contextmanager
def mapped(address: str, advice: str = "check the address, the password and the server's state") -> Iterator[None]:
    """Turn every error of the Redis client inside into StoreError or AccessError; address is shown, so it has no
    password. advice: what to do about a StoreError."""
    try:
        yield
    # The last two are no RedisError, though a Redis client raises them.
    except (RedisError, ChildDeadlockedError, RedisClusterException) as error:
        raise _our_error(error, address, advice) from error


def _our_error(error: Exception, address: str, advice: str) -> MmdigitError:
    text = str(error)
    if why := _why_refused(error, text):
        return AccessError(f"expected to be let in by Redis at {address}, got a refusal: {why}")
    return StoreError(f"expected an answer from Redis at {address}, got {type(error).__name__}: {text}; {advice}")


def _why_refused(error: Exception, text: str) -> str | None:
    # What a script may not do comes as a plain error of the script, with the refusal in its text.
    if isinstance(error, NoPermissionError | AuthorizationError) or "user executing the script can't" in text:
        return f"this user lacks a right ({text}); deploy/redis/users.acl grants those that are needed"
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        return f"authentication failed ({text}); check redis_username and redis_password_file"
    return refusal(text, "redis")


class RedisStore:
    """Predictions, dead-letter notes, group counts and the feed on one Redis server."""

    def __init__(
        self,
        client: redis.Redis,
        address: str,
        *,
        ttl_s: int,
        feed_length: int,
        as_json: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._address = address
        self._ttl_s = ttl_s
        self._feed_length = feed_length
        self._as_json = as_json
        self._monotonic = monotonic
        # A script object calls EVALSHA, and loads the script again where the server has lost it.
        self._put_script: Callable[..., Any] = client.register_script(_PUT)
        self._put_dead_script: Callable[..., Any] = client.register_script(_PUT_DEAD)

    def put(self, predictions: Sequence[Prediction]) -> None:
        if not predictions:
            return
        keys = [FEED_KEY]
        arguments: list[str | int | bytes] = [self._ttl_s, self._feed_length]
        for prediction in predictions:
            keys += [_prediction_key(prediction.job_id), _dead_key(prediction.job_id)]
            arguments += [write_prediction(prediction, as_json=self._as_json), prediction.group or ""]
        with mapped(self._address):
            self._put_script(keys, arguments)

    def put_dead(self, dead_letters: Sequence[DeadLetter]) -> None:
        keys: list[str] = []
        arguments: list[str | int] = [self._ttl_s]
        for letter in dead_letters:
            if letter.job_id is not None:
                keys += [_prediction_key(letter.job_id), _dead_key(letter.job_id)]
                arguments += [json.dumps({"reason": letter.reason, "group": letter.group}), letter.group or ""]
        if keys:
            with mapped(self._address):
                self._put_dead_script(keys, arguments)

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        values = self._values([_prediction_key(job_id) for job_id in job_ids])
        return [None if value is None else read_prediction(value) for value in values]

    def dead(self, job_ids: Sequence[str]) -> list[str | None]:
        values = self._values([_dead_key(job_id) for job_id in job_ids])
        return [None if value is None else read_reason(value) for value in values]

    def counts(self, group: str) -> GroupCounts:
        with mapped(self._address):
            done, dead = self._client.hmget(f"mmdigit:group:{group}", ["done", "dead"])
        return GroupCounts(done=int(done or 0), dead=int(dead or 0))

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        if after and _POSITION.fullmatch(after) is None:
            raise SettingsError(
                f"expected a position that this feed gave, or none, got {after!r}; start again without one"
            )
        deadline_s = self._monotonic() + timeout_s
        while True:
            block_s = min(deadline_s - self._monotonic(), _LONGEST_BLOCK_S)
            block_ms = int(block_s * 1000) or None if block_s > 0 else None  # to Redis, 0 is for ever
            with mapped(self._address):
                answer: Any = self._client.xread({FEED_KEY: after or "0-0"}, count=limit, block=block_ms)
            if answer or block_ms is None:
                return [
                    (position.decode(), read_prediction(fields[b"prediction"]))
                    for _, entries in answer
                    for position, fields in entries
                ]

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _values(self, keys: list[str]) -> list[bytes | None]:
        if not keys:
            return []
        with mapped(self._address):
            values: Any = self._client.mget(keys)
        return list(values)


def _prediction_key(job_id: str) -> str:
    return f"mmdigit:prediction:{job_id}"


def _dead_key(job_id: str) -> str:
    return f"mmdigit:dead:{job_id}"
