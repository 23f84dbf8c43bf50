"""What an error of the Redis client means: try again, get a right, or change the setting."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    ChildDeadlockedError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.sentinel import MasterNotFoundError

from mmdigit.transport.tls import refusal
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError

CONNECTION_ERRORS = (redis.ConnectionError, redis.TimeoutError)

_CLIENT = re.compile(r"<redis\.client\.Redis\(.*?\)>\)>\)> - ")  # a sentinel, with all its options
_UNFIT = {
    "compiling script": "needs Redis 7.0 or newer; upgrade it",
    "unknown command": "needs Redis 7.0 or newer; upgrade it",
    "undeclared key": "needs a server whose scripts may use keys that are not declared",
    "select is not allowed": "a cluster has database 0 alone; end the URL with /0",
    "db index is out of range": "choose a database that this server has",
    "hash to the same slot": "this is a node of a cluster; grant the right to CLUSTER SLOTS, and start again",
    "cluster support disabled": "this server is no node of a cluster; use a redis:// URL",
}


@contextmanager
def mapped(address: str, advice: str = "check the address, the password and the server's state") -> Iterator[None]:
    """Turn every error of the Redis client inside into StoreError, AccessError or SettingsError; address is shown, so
    it has no password. advice: what to do about a StoreError."""
    try:
        yield
    # The last two are no RedisError, though a Redis client raises them.
    except (RedisError, ChildDeadlockedError, RedisClusterException) as error:
        raise _our_error(error, address, advice) from error


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed at once on a new connection or another server: dropped, moved, or loading."""
    if isinstance(error, AuthenticationError | AuthorizationError):  # ConnectionErrors, to redis-py
        return False
    if isinstance(error, ResponseError) and str(error).startswith("UNBLOCKED"):  # a blocked reader, role changed
        return True
    passing = (*CONNECTION_ERRORS, ReadOnlyError, ClusterDownError, AskError, TryAgainError, NoScriptError)
    return isinstance(error, passing)


def is_lost(error: Exception) -> bool:
    """Whether such an error means that the server is no longer what it was, and no other was named."""
    return is_passing(error) and not isinstance(error, AskError | NoScriptError)  # MovedError is an AskError


def _our_error(error: Exception, address: str, advice: str) -> MmdigitError:
    text = _CLIENT.sub("", str(error))
    if why := _why_refused(error, text, address):
        return AccessError(f"expected to be let in by Redis at {address}, got a refusal: {why}")
    for part, need in _UNFIT.items():
        if part in text.lower():
            return SettingsError(f"expected a Redis that can hold predictions at {address}, got {text!r}; {need}")
    return StoreError(f"expected an answer from Redis at {address}, got {type(error).__name__}: {text}; {advice}")


def _why_refused(error: Exception, text: str, address: str) -> str | None:
    # What a script may not do comes as a plain error of the script, with the refusal in its text.
    if isinstance(error, NoPermissionError | AuthorizationError) or "user executing the script can't" in text:
        return f"this user lacks a right ({text}); deploy/redis/users.acl grants those that are needed"
    # What redis-py makes of sentinels' refusals. One that lets us in and has no primary yet may have one soon.
    sentinels = text.partition(" : ")[2].split(", ") if isinstance(error, MasterNotFoundError) else []
    if "auth:AuthenticationError" in sentinels and len(sentinels) == address.count(",") + 1:
        return (
            f"authentication at a sentinel failed ({text}); check redis_sentinel_username and "
            "redis_sentinel_password_file"
        )
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        return f"authentication failed ({text}); check redis_username and redis_password_file"
    return refusal(text, "redis")
