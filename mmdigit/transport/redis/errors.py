"""Maps every redis-py error: retry, get a permission, or change a setting."""

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

from mmdigit.transport.tls import tls_failure
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError

CONNECTION_ERRORS = (redis.ConnectionError, redis.TimeoutError)

_CLIENT_REPR = re.compile(r"<redis\.client\.Redis\(.*?\)>\)>\)> - ")  # a sentinel client with all its options
_UNSUPPORTED = {
    "compiling script": "upgrade to Redis 7.0 or newer",
    "unknown command": "upgrade to Redis 7.0 or newer",
    "undeclared key": "use a server whose scripts may access undeclared keys",
    "select is not allowed": "a cluster has only database 0; end the URL with /0",
    "db index is out of range": "choose a database that this server has",
    "hash to the same slot": "this is a cluster node; grant permission for CLUSTER SLOTS, and start again",
    "cluster support disabled": "this server is not a cluster node; use a redis:// URL",
}
"""Part of a server's message, in lower case -> what to do."""


@contextmanager
def map_errors(address: str, advice: str = "check the address, the password and the server's state") -> Iterator[None]:
    """Convert every redis-py error to StoreError, AccessError or SettingsError.

    address: shown in messages, so it must not contain a password. advice: what to do about a StoreError.
    """
    try:
        yield
    # redis-py also raises the last two, which are not subclasses of RedisError.
    except (RedisError, ChildDeadlockedError, RedisClusterException) as error:
        raise _to_mmdigit_error(error, address, advice) from error


def is_transient(error: Exception) -> bool:
    """Whether the same call may soon succeed on a new connection or another server."""
    if isinstance(error, AuthenticationError | AuthorizationError):  # redis-py makes them ConnectionErrors
        return False
    if isinstance(error, ResponseError) and str(error).startswith("UNBLOCKED"):  # the server's role changed
        return True
    transient = (*CONNECTION_ERRORS, ReadOnlyError, ClusterDownError, AskError, TryAgainError, NoScriptError)
    return isinstance(error, transient)


def needs_rediscovery(error: Exception) -> bool:
    """Whether a transient error means that the server's role changed without naming its successor."""
    return is_transient(error) and not isinstance(error, AskError | NoScriptError)  # MovedError is an AskError


def _to_mmdigit_error(error: Exception, address: str, advice: str) -> MmdigitError:
    text = _CLIENT_REPR.sub("", str(error))
    if why := _refusal_reason(error, text, address):
        return AccessError(f"expected access to Redis at {address}, got a refusal: {why}")
    for part, action in _UNSUPPORTED.items():
        if part in text.lower():
            return SettingsError(f"expected a Redis that can store predictions at {address}, got {text!r}; {action}")
    return StoreError(f"expected an answer from Redis at {address}, got {type(error).__name__}: {text}; {advice}")


def _refusal_reason(error: Exception, text: str, address: str) -> str | None:
    # A missing permission inside a script is an ordinary script error that has the refusal in its text. The second text
    # is that of redis.pcall.
    in_script = "user executing the script can't" in text or "ACL failure in script" in text
    if in_script or isinstance(error, NoPermissionError | AuthorizationError):
        return f"this user lacks a permission ({text}); deploy/redis/users.acl grants the required ones"
    # redis-py's form of a refusal by all sentinels. A sentinel that accepts us may find a primary soon.
    sentinels = text.partition(" : ")[2].split(", ") if isinstance(error, MasterNotFoundError) else []
    if "auth:AuthenticationError" in sentinels and len(sentinels) == address.count(",") + 1:
        return (
            f"authentication at a sentinel failed ({text}); check redis_sentinel_username and "
            "redis_sentinel_password_file"
        )
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        return f"authentication failed ({text}); check redis_username and redis_password_file"
    return tls_failure(text, "redis")
