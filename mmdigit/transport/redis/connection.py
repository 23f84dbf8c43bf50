"""Sends commands over one connection (RESP 2), and checks what the server supports."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redis
from redis.exceptions import NoPermissionError, ResponseError

from mmdigit.transport.redis.scripts import SCRIPTS

MIN_VERSION = (7, 0)
"""The first version of Redis that can reject a script before its first write."""

_MODE = re.compile(r"^(?:redis|server)_mode:(\w+)", re.MULTILINE)
_VERSION = re.compile(r"^redis_version:((\d+)\.(\d+)\S*)", re.MULTILINE)


def send_command(client: redis.Redis, *arguments: str) -> Any:
    """The reply to one command. Raises redis-py's errors."""
    with borrowed_connection(client) as connection:
        connection.send_packed_command(connection.pack_command(*arguments))
        reply = read_reply(connection)
    if isinstance(reply, Exception):
        raise reply
    return reply


@contextmanager
def borrowed_connection(client: redis.Redis) -> Iterator[Any]:
    """A connection from the client's pool. Dropped after an error, because unread replies may be left on it."""
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        yield connection
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def pack_commands(commands: Sequence[Sequence[str | int | bytes]]) -> bytes:
    """The commands as RESP arrays of bulk strings. redis-py copies what it has packed so far at each argument."""
    pieces = []
    for arguments in commands:
        pieces.append(b"*%d\r\n" % len(arguments))
        for argument in arguments:
            content = argument if isinstance(argument, bytes) else str(argument).encode()
            pieces += (b"$%d\r\n" % len(content), content, b"\r\n")
    return b"".join(pieces)


def read_reply(connection: Any) -> Any:
    """The next reply. Returns a server's error; raises a connection's error."""
    try:
        return connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def load_scripts(client: redis.Redis) -> None:
    """Raises redis-py's errors. If the server is too old, the message names its version, if this user may read it."""
    for script in SCRIPTS:
        try:
            send_command(client, "SCRIPT", "LOAD", script.text)
        except ResponseError as error:
            if "compiling script" not in str(error):
                raise
            raise ResponseError(f"{error} (Redis {version(server_info(client)) or 'of unknown version'})") from error


def server_info(client: redis.Redis) -> str:
    """The section "server" of INFO; empty if this user lacks permission. Raises redis-py's errors."""
    with suppress(NoPermissionError):
        return str(send_command(client, "INFO", "server").decode(errors="replace"))
    return ""


def version(info: str) -> str | None:
    """The version of Redis, or the one that a fork declares compatibility with."""
    match = _VERSION.search(info)
    return match[1] if match else None


def is_cluster(info: str) -> bool | None:
    """Whether info comes from a cluster node; None if it does not say. Valkey names the field differently."""
    match = _MODE.search(info)
    return match[1] == "cluster" if match else None


def is_too_old(info: str, needed: tuple[int, int] = MIN_VERSION) -> bool:
    """Whether info names a version older than needed. If it names none, loading the scripts will tell."""
    match = _VERSION.search(info)
    return match is not None and (int(match[2]), int(match[3])) < needed
