"""Every adapter of each port as fixtures: a new queue and a new store for each test."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql
from pydantic import SecretStr

from lab.kit.polling import until
from lab.kit.services import POSTGRES_PASSWORD
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.store.review_port import ReviewStore
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.transport.ports import Consumer, PredictionStore, Publisher, Record
from mmdigit.transport.urls import open_consumer, open_publisher, open_store

DOCKER = pytest.mark.docker
Read = Callable[..., list[Record]]


class Queue:
    """One topic of one adapter; closes what a test opens."""

    def __init__(self, kind: str, url: str, opened: ExitStack) -> None:
        self.kind = kind
        self.url = url
        self._opened = opened

    def publisher(self) -> Publisher:
        return self._opened.enter_context(open_publisher(self.url))

    def consumer(self, group: str = "readers", instance_id: str | None = None) -> Consumer:
        return self._opened.enter_context(open_consumer(self.url, group=group, instance_id=instance_id))

    def publish(self, *values: bytes, key: bytes | None = None) -> None:
        with open_publisher(self.url) as publisher:
            for value in values:
                publisher.send(key, value)
            publisher.flush(10)


class Store:
    """One store of one adapter; closes what a test opens."""

    def __init__(self, kind: str, url: str, opened: ExitStack) -> None:
        self.kind = kind
        self.url = url
        self._opened = opened

    def open(self, *, ttl_s: int = 3600, feed_length: int = 1000) -> PredictionStore:
        return self._opened.enter_context(open_store(self.url, ttl_s=ttl_s, feed_length=feed_length))


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=DOCKER)])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queue]:
    """A new topic with one partition."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'queue.db'}"
    else:
        url = request.getfixturevalue("kafka_topic")(1)
    with ExitStack() as opened:
        yield Queue(request.param, url, opened)


@pytest.fixture(
    params=["sqlite", *(pytest.param(kind, marks=DOCKER) for kind in ("redis", "redis-sentinel", "redis-cluster"))]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    servers: list[str] = []
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    elif request.param == "redis":
        url = request.getfixturevalue("redis_url")
        servers = [url]
    elif request.param == "redis-sentinel":
        url, server = request.getfixturevalue("redis_sentinel")
        servers = [server]
    else:
        url = request.getfixturevalue("redis_cluster_url")
        servers = [f"redis://{address}" for address in url.removeprefix("redis+cluster://").split(",")]
    for server in servers:
        with redis.Redis.from_url(server) as client:
            client.flushall()
    with ExitStack() as opened:
        yield Store(request.param, url, opened)


class Database:
    """One empty database; closes what a test opens."""

    def __init__(self, kind: str, url: str, password: SecretStr | None, opened: ExitStack) -> None:
        self.kind = kind
        self.url = url
        self.password = password
        self._opened = opened

    def open(self) -> PageStore:
        return self._opened.enter_context(open_page_store(self.url, self.password))

    def open_review(self) -> ReviewStore:
        return self._opened.enter_context(open_review_store(self.url, self.password))

    def open_registry(self) -> Registry:
        return self._opened.enter_context(open_registry(self.url, self.password))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=DOCKER)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    with ExitStack() as opened:
        if request.param == "sqlite":
            yield Database(request.param, f"sqlite:///{tmp_path / 'kept.db'}", None, opened)
            return
        url = request.getfixturevalue("postgres_url")
        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(url, password=POSTGRES_PASSWORD, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield Database(request.param, f"{url.rpartition('/')[0]}/{name}", SecretStr(POSTGRES_PASSWORD), opened)


@pytest.fixture
def read() -> Read:
    """read(consumer, n): the next n records, in any number of polls."""

    def collect(consumer: Consumer, count: int) -> list[Record]:
        records: list[Record] = []

        def look() -> bool:
            records.extend(consumer.poll(count - len(records), 0.5))
            return len(records) >= count

        until(look, f"{count} records")
        return records

    return collect
