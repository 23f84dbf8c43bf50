"""The Redis store: error mapping, full servers, foreign values, lost scripts."""

import inspect

import pytest
import redis
import redis.exceptions

from mmdigit.transport.ports import GroupCounts
from mmdigit.transport.redis.errors import map_errors
from mmdigit.transport.redis.keys import FEED_KEY
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, StoreError
from tests.factories import make_dead_letter, make_prediction

ERRORS = [error for _, error in inspect.getmembers(redis.exceptions, inspect.isclass) if issubclass(error, Exception)]
NEVER_FROM_ONE_SERVER = {redis.exceptions.IncorrectPolicyType}  # only raised by the cluster's command routing


@pytest.mark.parametrize("error", [error for error in ERRORS if error not in NEVER_FROM_ONE_SERVER])
def test_map_errors_covers_every_redis_error(error: type[Exception]) -> None:
    # Some constructors parse a server reply, so create the error without them.
    raised = error.__new__(error, "0 host:1")
    raised.args = ("broken",)
    with pytest.raises((StoreError, AccessError)) as caught, map_errors("host:1"):
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.docker
def test_put_stores_nothing_on_a_full_server(redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store.put([make_prediction(0)])
        client.config_set("maxmemory", 1)  # less than is already in use, and eviction is off
        try:
            with pytest.raises(StoreError, match="OutOfMemory"):
                store.put([make_prediction(number) for number in range(1, 50)])
            with pytest.raises(StoreError, match="OutOfMemory"):
                store.put_dead_letters([make_dead_letter(99)])
            assert store.get(["job-0", "job-1"]) == [make_prediction(0), None]
            assert store.counts("g") == GroupCounts(done=1, dead=0)
        finally:
            client.config_set("maxmemory", 0)
        store.put([make_prediction(1)])
        assert store.counts("g") == GroupCounts(done=2, dead=0)


@pytest.mark.docker
@pytest.mark.parametrize("as_list", [False, True], ids=["text", "list"])
@pytest.mark.parametrize("key", [FEED_KEY, "mmdigit:group:g"])
def test_put_names_a_foreign_value_and_counts_nothing(key: str, as_list: bool, redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        if as_list:
            client.rpush(key, "foreign")
        else:
            client.set(key, "foreign")
        for _ in range(2):
            with pytest.raises(StoreError, match=f"WRONGTYPE expected .* at the key {key}, remove it"):
                store.put([make_prediction(number) for number in range(3)])
        client.delete(key)
        store.put([make_prediction(number) for number in range(3)])
        store.put_dead_letters([make_dead_letter(3)])
        assert store.counts("g") == GroupCounts(done=3, dead=1)
        assert len(store.feed()) == 3


@pytest.mark.docker
@pytest.mark.parametrize("foreign", ["many", "0x10", "1.5", "", b"\xff"])
def test_counts_names_a_foreign_value(foreign: str | bytes, redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.hset("mmdigit:group:g", "done", foreign)
        named = "expected group counts at the key mmdigit:group:g"
        with pytest.raises(StoreError, match=named):
            store.put([make_prediction(0)])
        with pytest.raises(StoreError, match=named):
            store.put_dead_letters([make_dead_letter(1)])
        with pytest.raises(StoreError, match=named):
            store.counts("g")
        client.delete("mmdigit:group:g")
        store.put([make_prediction(0)])
        assert store.counts("g") == GroupCounts(done=1, dead=0)


@pytest.mark.docker
@pytest.mark.parametrize("note", ["foreign", "5", "null", '{"group": 5}', '{"group": {}}', "\xff", ""])
def test_put_ignores_a_foreign_note(note: str, redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.set("mmdigit:dead:job-0", note)
        client.rpush("mmdigit:dead:job-1", note)
        store.put([make_prediction(number) for number in range(3)])
        assert store.counts("g") == GroupCounts(done=3, dead=0)
        assert len(store.feed()) == 3


@pytest.mark.docker
def test_servers_recover_a_lost_script_and_connection(redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store.put([make_prediction(0)])
        client.script_flush()
        client.client_kill_filter(_type="normal", skipme=True)
        store.put([make_prediction(1)])
        assert store.counts("g") == GroupCounts(done=2, dead=0)


@pytest.mark.docker
def test_put_is_one_call_and_writes_the_documented_keys(redis_url: str) -> None:
    with open_store(redis_url, ttl_s=1000) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store.put([make_prediction(0)])
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        store.put([make_prediction(number) for number in range(64)])
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
        store.put_dead_letters([make_dead_letter(100)])
        counts = client.hgetall("mmdigit:group:g")
        assert set(counts) == {b"done", b"dead", b"first"}
        assert (counts[b"done"], counts[b"dead"]) == (b"64", b"1")
        assert client.llen("mmdigit:outcomes:g") == 65
        assert client.get("mmdigit:dead:job-100") == b'{"reason": "invalid_image", "group": "g"}'
        assert client.xlen(FEED_KEY) == 64
        for key in ("mmdigit:prediction:job-5", "mmdigit:dead:job-100", "mmdigit:group:g"):
            assert 990 <= client.ttl(key) <= 1000


@pytest.mark.docker
def test_get_rejects_another_programs_value(redis_url: str) -> None:
    with open_store(redis_url) as store, redis.Redis.from_url(redis_url) as client:
        client.set("mmdigit:prediction:job-7", b'{"version": 2}')
        with pytest.raises(StoreError, match="version"):
            store.get(["job-7"])
        client.delete("mmdigit:prediction:job-7")
        client.xadd(FEED_KEY, {"other": "x"})
        with pytest.raises(StoreError, match="expected a stored prediction"):
            store.feed()
        client.delete(FEED_KEY)


@pytest.mark.docker
@pytest.mark.parametrize(("as_json", "first"), [(False, b"\x01"), (True, b"{")])
def test_put_stores_compact_or_json(redis_url: str, as_json: bool, first: bytes) -> None:
    with open_store(redis_url, as_json=as_json) as store, redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store.put([make_prediction(0)])
        value = bytes(client.get("mmdigit:prediction:job-0") or b"")
        [(_, fields)] = client.xrange(FEED_KEY)
    assert value[:1] == first
    assert fields[b"prediction"] == value
