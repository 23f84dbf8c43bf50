"""Failover under load, by host name or by sentinels: nothing is lost."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from pydantic import SecretStr

from lab.kit.polling import until
from mmdigit.settings.access import Access, RedisAccess
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.redis.client import SOCKET_TIMEOUT_S
from mmdigit.transport.redis.servers import MAX_RETRY_S
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, StoreError
from tests.factories import make_prediction
from tests.redis_group import Name, RedisGroup, redis_group
from tests.redis_load import Load

pytestmark = pytest.mark.docker

FEED_LENGTH = 10**6
SENTINEL_PASSWORD = "sentinel-secret"  # noqa: S105
LOG = ("--appendonly", "yes")
SLOW = ("--key-load-delay", "200000", "--loading-process-events-interval-bytes", "1024")


@pytest.fixture(scope="module")
def group() -> Iterator[RedisGroup]:
    with redis_group(7) as group:
        yield group


@pytest.fixture
def pair(group: RedisGroup) -> Iterator[tuple[int, int]]:
    """Ports of an empty primary and its synchronized replica."""
    first, second = group.ports[:2]
    for port in (first, second):
        if group.role(port) == "":
            group.start(port, *LOG)
    group.ask(first, "REPLICAOF", "NO", "ONE")
    group.ask(first, "FLUSHALL")
    group.ask(second, "REPLICAOF", "127.0.0.1", str(first))
    group.await_replicas(first, 1)
    yield first, second
    for port in (first, second):
        if group.role(port):
            group.ask(port, "REPLICAOF", "NO", "ONE")


@pytest.fixture
def name(pair: tuple[int, int]) -> Iterator[Name]:
    """A host name that points to the primary."""
    with closing(Name(pair[0])) as name:
        yield name


def opened(name: Name, replicas: int = 0) -> PredictionStore:
    return open_store(f"redis://127.0.0.1:{name.port}/0", feed_length=FEED_LENGTH, replicas=replicas)


def test_servers_follow_the_name_when_roles_change(group: RedisGroup, pair: tuple[int, int], name: Name) -> None:
    old, new = pair
    with opened(name) as store:
        with Load(store) as load:
            load.await_more(5)
            # The primary stops writes until its replica has caught up, so only the client could lose data.
            group.ask(old, "FAILOVER", "TO", "127.0.0.1", str(new))
            until(lambda: group.role(new) == "master", "a new primary")
            until(lambda: any("ReadOnlyError" in text for text in load.failures), "a refusal by the old one")
            name.point_to(new)
            load.await_more(5)
        load.check(store)
        assert load.longest_failure_s < MAX_RETRY_S + SOCKET_TIMEOUT_S


def test_failover_loses_no_replicated_prediction(group: RedisGroup, pair: tuple[int, int], name: Name) -> None:
    old, new = pair
    with opened(name, replicas=1) as store:
        with Load(store) as load:
            load.await_more(5)
            group.kill(old)
            group.ask(new, "REPLICAOF", "NO", "ONE")
            name.point_to(new)
            until(lambda: any("1 replicas of Redis" in text for text in load.failures), "a write without a replica")
            group.start(old)
            group.ask(old, "REPLICAOF", "127.0.0.1", str(new))
            load.await_more(5)
        load.check(store)


def test_servers_leave_a_replica_without_primary(group: RedisGroup, pair: tuple[int, int], name: Name) -> None:
    old, new = pair
    with opened(name) as store:
        store.put([make_prediction(1)])
        group.ask(old, "CONFIG", "SET", "replica-serve-stale-data", "no")
        group.ask(new, "REPLICAOF", "NO", "ONE")
        group.ask(old, "REPLICAOF", "127.0.0.1", "1")
        try:
            with pytest.raises(StoreError, match="MasterDownError"):
                store.get(["job-1"])
            name.point_to(new)
            assert store.get(["job-1"]) == [make_prediction(1)]
            store.put([make_prediction(2)])
        finally:
            group.ask(old, "CONFIG", "SET", "replica-serve-stale-data", "yes")


def test_servers_wait_for_a_loading_server(group: RedisGroup, pair: tuple[int, int], name: Name) -> None:
    old, _ = pair
    slow = group.ports[6]
    with opened(name) as store:
        store.put([make_prediction(number) for number in range(100)])
        until(lambda: saved(group, old), "a snapshot")
        group.run("bash", "-c", f"mkdir -p /data/{slow} && mv /data/{old}/dump.rdb /data/{slow}/")
        # Redis's own tests use this option to slow down loading.
        group.start(slow, *SLOW, loaded=False)
        name.point_to(slow)
        group.kill(old)
        with pytest.raises(StoreError, match="loading"):
            store.put([make_prediction(100)])
        group.ask(slow, "CONFIG", "SET", "key-load-delay", "0")
        until(lambda: stored(store, 100), "a loaded server")
        assert store.get(["job-7"]) == [make_prediction(7)]


def saved(group: RedisGroup, port: int) -> bool:
    try:
        return group.ask(port, "SAVE") is not None
    except redis.ResponseError:  # the replica's own snapshot is in progress
        return False


def stored(store: PredictionStore, number: int) -> bool:
    try:
        store.put([make_prediction(number)])
    except StoreError:
        return False
    return True


def test_feed_follows_the_name_while_blocked(group: RedisGroup, pair: tuple[int, int], name: Name) -> None:
    old, new = pair
    found: list[str] = []
    with opened(name) as reader, opened(name) as writer:
        thread = threading.Thread(
            target=lambda: found.extend(prediction.job_id for _, prediction in reader.feed(timeout_s=30))
        )
        thread.start()
        try:
            with group.client(old) as client:
                until(lambda: client.info("clients")["blocked_clients"] == 1, "a reader that waits")
            group.ask(new, "REPLICAOF", "NO", "ONE")
            name.point_to(new)
            group.ask(old, "REPLICAOF", "127.0.0.1", str(new))  # "UNBLOCKED ... instance state changed"
            until(lambda: stored(writer, 1), "a write to the new primary")
        finally:
            thread.join(60)
    assert found == ["job-1"]


@pytest.fixture
def sentinels(group: RedisGroup, pair: tuple[int, int]) -> list[int]:
    """Ports of three sentinels with a password that have found each other and the replica."""
    ports = group.ports[2:5]
    for port in ports:
        group.start_sentinel(port, pair[0], quorum=2, password=SENTINEL_PASSWORD)
    until(lambda: all(knows_all(group, port) for port in ports), "sentinels that know all")
    return ports


def knows_all(group: RedisGroup, sentinel: int) -> bool:
    info = group.run("redis-cli", "-p", str(sentinel), "-a", SENTINEL_PASSWORD, "info", "sentinel")
    return "slaves=1,sentinels=3" in info


def test_sentinels_provide_the_primary(group: RedisGroup, pair: tuple[int, int], sentinels: list[int]) -> None:
    old, new = pair
    hosts = ",".join(f"127.0.0.1:{port}" for port in [group.ports[5], *sentinels])  # nothing listens on the first
    url = f"redis+sentinel://{hosts}/mymaster/0"
    with pytest.raises(AccessError, match="redis_sentinel_password"):
        open_store(url)
    access = Access(redis=RedisAccess(sentinel_password=SecretStr(SENTINEL_PASSWORD)))
    with pytest.raises(StoreError, match="No master found for 'another'"):
        open_store(f"redis+sentinel://{hosts}/another/0", access=access)
    with open_store(url, feed_length=FEED_LENGTH, replicas=1, access=access) as store:
        with Load(store) as load:
            load.await_more(5)
            group.kill(old)
            until(lambda: group.role(new) == "master", "a promoted replica")
            group.start(old)  # becomes a replica, which the writes need
            load.await_more(5)
        load.check(store)
