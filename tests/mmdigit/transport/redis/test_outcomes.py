"""The outcomes of a group on Redis: what the lists hold, what is dropped, and other programs' values."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from hypothesis import given

from lab.kit.polling import until
from mmdigit.settings.access import RedisAccess
from mmdigit.transport.ports import GroupCounts
from mmdigit.transport.redis.address import parse_redis_address
from mmdigit.transport.redis.client import open_servers
from mmdigit.transport.redis.outcomes import _decode_entry, encode_entry, read_outcomes
from mmdigit.transport.redis.servers import Call, Servers
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError, StoreError
from tests.factories import make_dead_letter, make_prediction
from tests.schemas.samples import identifiers

LIST = "mmdigit:outcomes:g"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@given(identifiers)
def test_encode_entry_keeps_the_id_and_the_kind(job_id: str) -> None:
    for dead in (False, True):
        assert _decode_entry(encode_entry(job_id, dead=dead)) == (job_id, dead)


def test_encode_entry_packs_the_producers_ids() -> None:
    assert encode_entry("0123456789abcdef" * 2, dead=False) == b"P" + bytes.fromhex("0123456789abcdef" * 2)
    assert encode_entry("0123456789ABCDEF" * 2, dead=True) == b"d" + b"0123456789ABCDEF" * 2


@pytest.mark.docker
def test_list_holds_the_documented_entries(client: redis.Redis, redis_url: str) -> None:
    with open_store(redis_url, ttl_s=1000) as store:
        store.put([make_prediction(1), make_prediction(2, group=None)])
        store.put_dead_letters([make_dead_letter(3), make_dead_letter(4, group=None)])
    assert client.lrange(LIST, 0, -1) == [b"pjob-1", b"djob-3"]
    assert 990 <= client.ttl(LIST) <= 1000
    assert client.keys("mmdigit:outcomes:*") == [LIST.encode()]


@pytest.mark.docker
def test_list_drops_expired_entries_of_a_living_group(client: redis.Redis, redis_url: str) -> None:
    packed = [make_prediction().model_copy(update={"job_id": f"{number:032x}"}) for number in range(300)]
    with open_store(redis_url, ttl_s=1) as brief, open_store(redis_url) as store:
        brief.put([*packed, *(make_prediction(number) for number in range(300))])
        brief.put_dead_letters([make_dead_letter(number) for number in range(300, 600)])
        [*_, (position, _, _)] = brief.group_outcomes("g", limit=500)
        store.put([make_prediction(1000)])  # keeps the list
        until(lambda: not any(store.get(["0" * 32, "job-1"])) and client.dbsize() < 10, "an expiry")
        expired = client.llen(LIST) - 1
        assert expired == 900
        for number in range(1001, 3000):
            store.put([make_prediction(number)])
            if number % 100 == 0:
                found = store.group_outcomes("g", position)
                assert [outcome.job_id for outcome in found] == [f"job-{each}" for each in range(1000, number + 1)][
                    :1000
                ]
        assert client.llen(LIST) == 2000


@pytest.mark.docker
def test_list_longer_than_luas_stack(client: redis.Redis, redis_url: str) -> None:
    with open_store(redis_url) as store:
        store.put([make_prediction(number) for number in range(12_000)])
    assert client.lrange(LIST, 0, -1) == [f"pjob-{number}".encode() for number in range(12_000)]


class Interrupted:
    """Servers that another program changes before a chosen call."""

    def __init__(self, servers: Servers, before: int, change: Callable[[], object]) -> None:
        self.calls = 0
        self._servers = servers
        self._before = before
        self._change = change

    def run(self, calls: Sequence[Call], *, replicas: int = 0) -> list[Any]:
        self.calls += 1
        if self.calls == self._before:
            self._change()
        return self._servers.run(calls, replicas=replicas)


@pytest.mark.docker
@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_read_outcomes_survives_a_drop_meanwhile(client: redis.Redis, redis_url: str, before: int) -> None:
    jobs = [f"job-{number}" for number in range(10)]

    def drop() -> None:
        client.delete(*(f"mmdigit:prediction:{job_id}" for job_id in jobs[:4]))
        client.lpop(LIST, 4)
        client.hincrby("mmdigit:group:g", "first", 4)

    servers, layout = open_servers(parse_redis_address(urlsplit(redis_url), RedisAccess()), RedisAccess())
    try:
        with open_store(redis_url) as store:
            store.put([make_prediction(number) for number in range(10)])
            position = int(store.group_outcomes("g")[4].position)
        interrupted = Interrupted(servers, before, drop)
        found = read_outcomes(interrupted, layout.buckets, "g", [position], 100)  # type: ignore[arg-type]
    finally:
        servers.close()
    assert [outcome.job_id for outcome in found] == jobs[5:]
    assert interrupted.calls == {1: 3, 2: 6, 3: 6, 4: 3}[before]


@pytest.mark.docker
def test_put_names_a_foreign_list_and_counts_nothing(client: redis.Redis, redis_url: str) -> None:
    client.set(LIST, "foreign")
    with open_store(redis_url) as store:
        for _ in range(2):
            with pytest.raises(
                StoreError, match=f"WRONGTYPE expected outcomes of a group at the key {LIST}, remove it"
            ):
                store.put([make_prediction(0)])
            with pytest.raises(
                StoreError, match=f"WRONGTYPE expected outcomes of a group at the key {LIST}, remove it"
            ):
                store.put_dead_letters([make_dead_letter(1)])
        assert store.get(["job-0"]) == [None]
        assert store.dead_letter_reasons(["job-1"]) == [None]
        with pytest.raises(StoreError, match="WRONGTYPE"):
            store.group_outcomes("g")
        client.delete(LIST)
        store.put([make_prediction(0)])
        assert store.counts("g") == GroupCounts(done=1, dead=0)
        assert len(store.feed()) == 1


@pytest.mark.docker
@pytest.mark.parametrize("entry", [b"", b"x", b"Pshort", b"p\xff", b"d" + b"a" * 200, b"0" * 17])
def test_group_outcomes_rejects_a_foreign_entry(client: redis.Redis, redis_url: str, entry: bytes) -> None:
    client.rpush(LIST, entry)
    with open_store(redis_url) as store:
        with pytest.raises(StoreError, match="expected a job in the list of a group"):
            store.group_outcomes("g")
        store.put([make_prediction(number) for number in range(200)])  # drops it, as no prediction belongs to it
        assert len(store.group_outcomes("g")) == 200


@pytest.mark.docker
def test_group_outcomes_rejects_foreign_counts(client: redis.Redis, redis_url: str) -> None:
    client.hset("mmdigit:group:g", "first", "many")
    with open_store(redis_url) as store, pytest.raises(StoreError, match="expected the counts of the group g"):
        store.group_outcomes("g")


@pytest.mark.docker
def test_put_with_the_rights_of_earlier_releases_stores_nothing(client: redis.Redis, redis_url: str) -> None:
    keys = " ".join(f"~mmdigit:{name}" for name in ("prediction:*", "dead:*", "group:*", "predictions"))
    commands = "+ping +select +evalsha +script|load +exists +set +getdel +hget +hincrby +expire +xadd +info"
    rules = ["reset", "on", ">secret", *f"{keys} -@all {commands}".split()]
    client.execute_command("ACL", "SETUSER", "earlier", *rules)  # type: ignore[no-untyped-call]
    try:
        with open_store(redis_url.replace("://", "://earlier:secret@")) as store:
            with pytest.raises(AccessError, match="lacks a permission"):
                store.put([make_prediction(0)])
            with pytest.raises(AccessError, match="lacks a permission"):
                store.put_dead_letters([make_dead_letter(1)])
        assert client.keys() == []
    finally:
        client.acl_deluser("earlier")
