"""Commands on one connection, answered in RESP 2, and what a server must be able to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
from redis.exceptions import NoPermissionError, ResponseError

from mmdigit.transport.redis.scripts import SCRIPTS

NEEDED = (7, 0)
"""The oldest version of Redis that refuses a script as a whole."""

_MODE = re.compile(r"^(?:redis|server)_mode:(\w+)", re.MULTILINE)
_VERSION = re.compile(r"^redis_version:((\d+)\.(\d+)\S*)", re.MULTILINE)


def ask(client: redis.Redis, *arguments: str) -> Any:
    """The answer to one command. Raises redis-py's errors."""
    with connection(client) as link:
        link.send_packed_command(link.pack_command(*arguments))
        answer = read_answer(link)
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def connection(client: redis.Redis) -> Iterator[Any]:
    """A connection that nobody else uses; dropped after an error, since an answer may be left on it."""
    pool = client.connection_pool
    link: Any = pool.get_connection()
    try:
        yield link
    except BaseException:
        link.disconnect()
        raise
    finally:
        pool.release(link)


def read_answer(link: Any) -> Any:
    """The next answer; an error of the server is returned, one of the connection raised."""
    try:
        return link.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def load_scripts(client: redis.Redis) -> None:
    """Raises redis-py's errors; that of a server which is too old names its version, if this user may ask for it."""
    for script in SCRIPTS:
        try:
            ask(client, "SCRIPT", "LOAD", script.text)
        except ResponseError as error:
            if "compiling script" not in str(error):
                raise
            raise ResponseError(f"{error} (Redis {version(server_info(client)) or 'of unknown version'})") from error


def server_info(client: redis.Redis) -> str:
    """The section "server" of INFO; empty where this user may not ask. Raises redis-py's errors."""
    with suppress(NoPermissionError):
        return str(ask(client, "INFO", "server").decode(errors="replace"))
    return ""


def version(info: str) -> str | None:
    """Of Redis, or the one that a fork says it is compatible with."""
    match = _VERSION.search(info)
    return match[1] if match else None


def is_cluster(info: str) -> bool | None:
    """Whether info is of a node of a cluster; None where it does not say. Valkey has another word for it."""
    match = _MODE.search(info)
    return match[1] == "cluster" if match else None


def too_old(info: str, needed: tuple[int, int] = NEEDED) -> bool:
    """Whether info names a version older than needed. Where it names none, loading the scripts shows it."""
    match = _VERSION.search(info)
    return match is not None and (int(match[2]), int(match[3])) < needed
