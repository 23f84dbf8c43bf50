"""Server checks at the start and after a failover: one line names the required and the found version."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from lab.kit.services import REDIS_IMAGE
from mmdigit.transport.redis import client as redis_client
from mmdigit.transport.redis import connection
from mmdigit.transport.redis.connection import is_cluster, is_too_old, pack_commands, version
from mmdigit.transport.redis.scripts import Script
from mmdigit.transport.urls import open_store
from schemas.errors import SettingsError
from tests.factories import make_prediction
from tests.redis_group import Name, RedisGroup, redis_group
from tests.secure import REDIS_IMAGE as REDIS_7

RULES = (
    "on nopass ~mmdigit:* -@all +ping +select +evalsha +script|load +exists +set +getdel +hget +hincrby +expire +xadd "
    "+rpush +lrange"
)
UNREADABLE = (Script("#!lua\n(", "0" * 40),)
"""How a server that does not know the first line sees our scripts."""


@pytest.mark.parametrize(
    ("info", "old", "is_version"),
    [
        ("# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n", True, "6.2.14"),
        ("redis_version:5.0.14", True, "5.0.14"),
        ("redis_version:6.9.240", True, "6.9.240"),
        ("redis_version:7.0.0\r\n", False, "7.0.0"),
        ("redis_version:10.1.2\r\n", False, "10.1.2"),
        ("redis_version:255.255.255\r\n", False, "255.255.255"),  # a build of the unstable branch
        ("# Server\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nredis_version:7.2.4\r\n", False, "7.2.4"),
        ("# Server\r\nredis_version:6.3.4\r\n", True, "6.3.4"),  # KeyDB
        ("# Server\r\nredis_version:7.4.0\r\ndragonfly_version:df-v1.27.1\r\n", False, "7.4.0"),
        ("# Server\r\nvalkey_version:8.1.1\r\n", False, None),  # extended-redis-compatibility no
        ("", False, None),
        ("redis_version:\r\n", False, None),
        ("old_redis_version:5.0.0\r\n", False, None),
    ],
)
def test_version_and_is_too_old_read_info(info: str, old: bool, is_version: str | None) -> None:
    assert is_too_old(info) is old
    assert version(info) == is_version


@pytest.mark.parametrize(
    ("info", "cluster"),
    [
        ("redis_version:8.2.3\r\nredis_mode:standalone\r\nos:Linux\r\n", False),
        ("redis_version:8.2.3\r\nredis_mode:cluster\r\nos:Linux\r\n", True),
        ("server_name:valkey\r\nvalkey_version:8.1.1\r\nserver_mode:cluster\r\n", True),
        ("server_name:valkey\r\nvalkey_version:8.1.1\r\nserver_mode:standalone\r\n", False),
        ("redis_mode:sentinel\r\n", False),
        ("redis_version:7.2.4\r\n", None),
        ("", None),
    ],
)
def test_is_cluster_reads_info(info: str, cluster: bool | None) -> None:
    assert is_cluster(info) is cluster


@pytest.fixture(scope="module")
def group() -> Iterator[RedisGroup]:
    with redis_group(2) as group:
        for port in group.ports:
            group.start(port)
        yield group


@pytest.mark.docker
def test_open_store_rejects_an_old_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REDIS_7 != REDIS_IMAGE
    monkeypatch.setattr(redis_client, "MIN_VERSION", (7, 4))
    with redis_group(1, REDIS_7) as group:
        [port] = group.ports
        group.start(port)
        with pytest.raises(SettingsError, match=rf"^expected Redis 7.4 or newer at .*:{port}, got 7.0.15; "):
            open_store(f"redis://127.0.0.1:{port}/0")


@pytest.mark.docker
def test_load_scripts_detects_an_old_server_without_info(group: RedisGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    port = group.ports[0]
    group.ask(port, "ACL", "SETUSER", "old", "reset", *RULES.split())
    url = f"redis://old:x@127.0.0.1:{port}/0"
    with open_store(url) as store:  # the permissions of 0.7.0 suffice on a single server
        store.put([make_prediction(1)])
    monkeypatch.setattr(connection, "SCRIPTS", UNREADABLE)
    with pytest.raises(SettingsError, match=r"compiling script.*of unknown version.*upgrade to Redis 7\.0 or newer"):
        open_store(url)
    monkeypatch.undo()
    group.ask(port, "ACL", "SETUSER", "lesser", "reset", "on", "nopass", "%R~mmdigit:*", "-@all", "+ping", "+mget")
    with open_store(f"redis://lesser:x@127.0.0.1:{port}") as store:
        assert store.get(["job-1"]) == [make_prediction(1)]


@pytest.mark.docker
def test_failover_to_an_old_server_is_permanent(group: RedisGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = group.ports
    with closing(Name(first)) as name, open_store(f"redis://127.0.0.1:{name.port}/0") as store:
        store.put([make_prediction(1)])
        monkeypatch.setattr(connection, "SCRIPTS", UNREADABLE)
        name.point_to(second)
        with redis.Redis(port=first) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        there = version(str(group.run("redis-server", "--version").replace("v=", "\nredis_version:")))
        assert there is not None
        with pytest.raises(
            SettingsError, match=rf"compiling script.*Redis {there}.*upgrade to Redis 7\.0 or newer"
        ) as caught:
            store.put([make_prediction(2)])
        assert caught.value.exit_code == 2


def test_commands_are_packed_as_redis_py_does() -> None:
    commands = [("EVALSHA", "sha", 1, "ключ", b"\x00\r\n", -5, ""), ("WAIT", 1, 2000)]
    expected = b"".join(redis.Connection().pack_commands(commands))  # type: ignore[no-untyped-call]
    assert pack_commands(commands) == expected
