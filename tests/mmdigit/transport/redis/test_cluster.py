"""Redis Cluster: keys, round trips, a migrating slot, and failover under load."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from lab.kit.polling import until
from mmdigit.transport.ports import GroupCounts
from mmdigit.transport.redis.client import SOCKET_TIMEOUT_S
from mmdigit.transport.redis.keys import BUCKETS, CLUSTER_KEYS, bucket_of
from mmdigit.transport.redis.servers import MAX_RETRY_S
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, SettingsError, StoreError
from tests.factories import make_dead_letter, make_prediction
from tests.redis_group import RedisGroup, redis_cluster
from tests.redis_load import Load

pytestmark = pytest.mark.docker

FEED_LENGTH = 10**6
SLOTS = 16384


@pytest.fixture(scope="module")
def group() -> Iterator[RedisGroup]:
    """Three primaries with one replica each."""
    with redis_cluster(replicas=1) as group:
        yield group


@pytest.fixture
def cluster(group: RedisGroup) -> RedisGroup:
    for port in primaries(group):
        group.ask(port, "FLUSHALL")
    return group


def primaries(group: RedisGroup) -> list[int]:
    return [port for port in group.ports if group.role(port) == "master"]


def owner(group: RedisGroup, slot: int) -> int:
    """The port of the primary that owns the slot, by majority."""
    seen = [
        int(primary[1])
        for port in primaries(group)
        for first, last, primary in slot_ranges(group, port)
        if first <= slot <= last
    ]
    return max(seen, key=seen.count)


def slot_ranges(group: RedisGroup, port: int) -> list[tuple[int, int, tuple[str, int]]]:
    with group.client(port) as client:
        ranges = client.execute_command("CLUSTER SLOTS")
    return [(first, last, primary) for first, last, primary, *_ in ranges]


def job_of(bucket: int) -> int:
    """The number of a job in this bucket."""
    return next(number for number in range(10**5) if bucket_of(f"job-{number}") == bucket)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 8, 32])
def test_bucket_tags_spread_evenly_over_slot_ranges(nodes: int) -> None:
    owners = [bucket.slot * nodes // SLOTS for bucket in CLUSTER_KEYS.buckets]
    assert len({bucket.feed for bucket in CLUSTER_KEYS.buckets}) == BUCKETS
    for node in range(nodes):
        assert abs(owners.count(node) - BUCKETS / nodes) <= 1


def test_bucket_of_spreads_jobs_evenly() -> None:
    held = [0] * BUCKETS
    for number in range(BUCKETS * 1000):
        held[bucket_of(f"form-{number}.field-{number % 7}")] += 1
    assert max(abs(count - 1000) for count in held) < 6 * math.sqrt(1000)


def test_open_store_finds_the_cluster_through_any_node(cluster: RedisGroup) -> None:
    with open_store(cluster.cluster_url) as store:
        store.put([make_prediction(number) for number in range(20)])
    for port in cluster.ports:  # includes replicas
        for url in (f"redis://127.0.0.1:{port}/0", f"redis+cluster://127.0.0.1:1,127.0.0.1:{port}"):
            with open_store(url) as store:
                assert store.get(["job-19"]) == [make_prediction(19)]
                store.put([make_prediction(19)])
    with pytest.raises(SettingsError, match="database 0"):
        open_store(f"redis://127.0.0.1:{cluster.ports[0]}/3")


def test_open_store_rejects_a_single_server_as_cluster(redis_url: str) -> None:
    with pytest.raises(SettingsError, match="use a redis:// URL"):
        open_store(redis_url.replace("redis://", "redis+cluster://"))


def test_put_takes_one_round_trip_per_primary(cluster: RedisGroup) -> None:
    with open_store(cluster.cluster_url, ttl_s=1000) as store:
        store.put([make_prediction(number) for number in range(500)])  # loads the scripts everywhere
        ports = primaries(cluster)
        before = {port: reads(cluster, port) for port in ports}
        store.put([make_prediction(number) for number in range(1000, 1064)])
        store.put_dead_letters([make_dead_letter(number) for number in range(2000, 2064)])
        assert store.counts("g") == GroupCounts(done=564, dead=64)
        assert len([found for found in store.get([f"job-{number}" for number in range(1000, 1100)]) if found]) == 64
        assert store.feed(store.feed_end()) == []
        for port in ports:
            # One socket read per call: put (or two), put_dead_letters, counts, get, feed_end, feed and the counting
            # INFO, plus the replica's acknowledgements. Without pipelining there would be about 100.
            assert reads(cluster, port) - before[port] < 16
    with redis.RedisCluster(port=ports[0], host="127.0.0.1") as client:
        tag = tag_of(client, "job-1000")
        for key in (f"mmdigit:prediction:{{{tag}}}:job-1000", f"mmdigit:group:{{{tag}}}:g"):
            assert 990 <= client.ttl(key) <= 1000
        assert client.xlen(f"mmdigit:predictions:{{{tag}}}") > 0
        letter = client.get(f"mmdigit:dead:{{{tag_of(client, 'job-2000')}}}:job-2000")
        assert letter == b'{"reason": "invalid_image", "group": "g"}'


def tag_of(client: Any, job_id: str) -> int:
    """The manual look-up described in docs/design/delivery.md."""
    bucket = client.keyslot(job_id) // 128
    return next(number for number in itertools.count() if client.keyslot(str(number)) // 128 == bucket)


def reads(group: RedisGroup, port: int) -> int:
    with group.client(port) as client:
        return int(client.info("stats")["total_reads_processed"])


def test_feed_trims_and_pages_through_many_streams(cluster: RedisGroup) -> None:
    with open_store(cluster.cluster_url, feed_length=10) as store:
        # A stream is trimmed by whole nodes of 4 KiB, about 40 compact predictions.
        for start in range(0, 15_000, 500):
            store.put([make_prediction(number) for number in range(start, start + 500)])
        kept: list[int] = []
        position = ""
        while entries := store.feed(position, limit=50):
            assert len(entries) <= 50
            kept += [int(prediction.job_id.removeprefix("job-")) for _, prediction in entries]
            position = entries[-1][0]
        assert kept == sorted(kept)
        assert kept[-10:] == list(range(14_990, 15_000))
        assert len(kept) < 7500


def test_put_continues_a_stream_ahead_of_the_clock(cluster: RedisGroup) -> None:
    number = job_of(5)
    stream = CLUSTER_KEYS.buckets[5].feed
    with open_store(cluster.cluster_url) as store:
        store.put([make_prediction(number)])
        with redis.RedisCluster(port=cluster.ports[0], host="127.0.0.1") as client:
            client.execute_command("XSETID", stream, "9999999999999-5")
        position = store.feed()[-1][0]
        others = [make_prediction(other) for other in range(10**5) if bucket_of(f"job-{other}") == 5][1:3]
        store.put(others)
        assert [prediction for _, prediction in store.feed(position)] == others


def test_feed_rejects_a_position_from_a_single_server(cluster: RedisGroup) -> None:
    with open_store(cluster.cluster_url) as store, pytest.raises(SettingsError, match="position"):
        store.feed("1700000000000-0")


def test_servers_follow_a_migrating_slot(cluster: RedisGroup) -> None:
    """During a migration no server has all keys of a new job: a retriable error, and no double count."""
    slot = str(CLUSTER_KEYS.buckets[0].slot)
    held, new = [number for number in range(1000) if bucket_of(f"job-{number}") == 0][:2]
    batch = [make_prediction(number) for number in range(new)]
    source = owner(cluster, int(slot))
    target = next(port for port in primaries(cluster) if port != source)
    ids = {port: node_id(cluster, port) for port in (source, target)}
    with open_store(cluster.cluster_url) as store, open_store(cluster.cluster_url) as reader:
        store.put(batch)
        cluster.ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        cluster.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        try:
            assert reader.get([f"job-{held}"]) == [make_prediction(held)]
            with pytest.raises(StoreError, match="TryAgainError"):
                store.put([make_prediction(new)])
            with cluster.client(source) as client:
                keys = client.execute_command("CLUSTER GETKEYSINSLOT", slot, 1000)
                client.execute_command("MIGRATE", "127.0.0.1", target, "", 0, 5000, "KEYS", *keys)
            assert reader.get([f"job-{held}"]) == [make_prediction(held)]  # redirected to the target
            with pytest.raises(StoreError, match="AskError"):
                store.put([make_prediction(new)])
        finally:
            for port in (target, source):
                cluster.ask(port, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        store.put([*batch, make_prediction(new)])
        assert reader.counts("g") == GroupCounts(done=new + 1, dead=0)
        assert reader.get([f"job-{new}"]) == [make_prediction(new)]
        assert len(reader.feed()) == new + 1


def node_id(group: RedisGroup, port: int) -> str:
    answer = group.ask(port, "CLUSTER", "MYID")
    return answer.decode() if isinstance(answer, bytes) else str(answer)


def test_servers_report_a_slot_without_an_owner(cluster: RedisGroup) -> None:
    slot = str(CLUSTER_KEYS.buckets[1].slot)
    holder = owner(cluster, int(slot))
    with open_store(cluster.cluster_url) as store:
        cluster.ask(holder, "CLUSTER", "DELSLOTS", slot)
        try:
            with pytest.raises(StoreError, match="ClusterDownError"):
                store.put([make_prediction(job_of(1))])
        finally:
            cluster.ask(holder, "CLUSTER", "ADDSLOTS", slot)
        until(lambda: puts(cluster, job_of(1)), "a cluster that is whole again")


def puts(group: RedisGroup, number: int) -> bool:
    try:
        with open_store(group.cluster_url) as store:
            store.put([make_prediction(number)])
    except StoreError:
        return False
    return True


def test_acl_grants_what_the_cluster_store_needs(cluster: RedisGroup) -> None:
    """The permissions of deploy/redis/users.acl suffice; without CLUSTER SLOTS, the error names it."""
    rules = users()
    for port in cluster.ports:
        for name, rule in rules.items():
            cluster.ask(port, "ACL", "SETUSER", name, "reset", *rule)
    worker, reader = (with_login(cluster.cluster_url, name) for name in ("worker", "reader"))
    with open_store(worker) as store, open_store(reader) as reading:
        store.put([make_prediction(number) for number in range(100)])
        store.put_dead_letters([make_dead_letter(200)])
        assert reading.counts("g") == GroupCounts(done=100, dead=1)
        assert reading.get(["job-50"]) == [make_prediction(50)]
        assert reading.dead_letter_reasons(["job-200"]) == ["invalid_image"]
        assert len(reading.feed()) == 100
        assert reading.feed(reading.feed_end()) == []
        assert len(reading.group_outcomes("g")) == 101
        with pytest.raises(AccessError, match="lacks a permission"):
            reading.put([make_prediction(300)])
    with open_store(with_login(f"redis://127.0.0.1:{cluster.ports[0]}/0", "reader")) as reading:
        assert reading.get(["job-50"]) == [make_prediction(50)]


def users() -> dict[str, list[str]]:
    from tests.secure import ROOT

    lines = (ROOT / "deploy" / "redis" / "users.acl").read_text().splitlines()
    return {words[1]: words[2:] for words in (line.split() for line in lines) if words[1] != "default"}


def with_login(url: str, user: str) -> str:
    return url.replace("://", f"://{user}:change-{user}-password@")


def test_open_store_explains_missing_permission_for_slots(cluster: RedisGroup) -> None:
    for port in cluster.ports:
        cluster.ask(port, "ACL", "SETUSER", "blind", "reset", *users()["worker"], "-info", "-cluster|slots")
    login = "blind:change-worker-password@"
    with pytest.raises(AccessError, match=r"lacks a permission.*cluster"):
        open_store(cluster.cluster_url.replace("://", f"://{login}"))
    refused = pytest.raises(SettingsError, match="cluster node; grant permission for CLUSTER SLOTS")
    with open_store(f"redis://{login}127.0.0.1:{cluster.ports[0]}") as store, refused:
        store.put([make_prediction(1)])


def test_failover_loses_no_replicated_prediction(cluster: RedisGroup) -> None:
    killed = primaries(cluster)[0]
    with open_store(cluster.cluster_url, feed_length=FEED_LENGTH, replicas=1) as store:
        with Load(store) as load:
            load.await_more(5)
            cluster.kill(killed)
            until(lambda: len(primaries(cluster)) == 3, "a promoted replica")
            cluster.start(killed)  # becomes the new primary's replica, whose acknowledgement the writes need
            load.await_more(5)
        load.check(store)
        assert load.failures


def test_failover_leaves_a_hanging_primary(cluster: RedisGroup) -> None:
    hung = primaries(cluster)[0]
    [replica] = [port for port in cluster.ports if replicates(cluster, port, hung)]
    with open_store(cluster.cluster_url, feed_length=FEED_LENGTH, replicas=1) as store:
        with Load(store) as load:
            load.await_more(5)
            cluster.hang(hung)
            try:
                until(lambda: cluster.role(replica) == "master", "a promoted replica")
                # Writes reach it while its only replica, the old primary, still hangs.
                until(
                    lambda: any("1 replicas of Redis" in text for text in load.failures), "a write to the promoted one"
                )
            finally:
                cluster.wake(hung)
            load.await_more(5)
        load.check(store)
        assert load.longest_failure_s < MAX_RETRY_S + 2 * SOCKET_TIMEOUT_S


def replicates(group: RedisGroup, port: int, primary: int) -> bool:
    with group.client(port) as client:
        info = client.info("replication")
    return info["role"] == "slave" and int(info["master_port"]) == primary
