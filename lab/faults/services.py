"""Kafka, Redis, PostgreSQL and toxiproxy in containers that can be killed, paused, and started again with their data.

The broker has a listener for this host, one behind the proxy, and one for containers in the same network.
"""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import docker
import psycopg
import redis
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network
from kafka.admin import ConfigResource, ConfigResourceType

from lab.kit.polling import happens_within
from lab.kit.services import (
    KAFKA_IMAGE,
    POSTGRES_IMAGE,
    REDIS_IMAGE,
    RESTARTABLE,
    SINGLE_BROKER,
    free_port,
    kafka_admin,
    replace_topics,
)
from lab.kit.toxics import Link, Toxiproxy
from schemas.errors import StoreError

TOXIPROXY_IMAGE = "ghcr.io/shopify/toxiproxy:2.5.0"
PARTITIONS = 8
ANSWERS_WITHIN_S = 90.0
_INNER_PORT, _PROXIED_PORT = 9092, 9094
_RUN_REDIS = (
    "redis-server --bind 0.0.0.0 --protected-mode no --appendonly yes --appendfsync always "
    # Never rewritten: it tells afterwards how often each prediction was written.
    "--auto-aof-rewrite-percentage 0"
)


class RunUrls(NamedTuple):
    """The topic and the store of one run, as this host reaches them and as the workers do."""

    jobs_url: str
    store_url: str
    worker_jobs_url: str
    worker_store_url: str


class PageUrls(NamedTuple):
    """The topics of pages and of jobs, and the forms' database, of one run."""

    pages_url: str
    jobs_url: str
    forms_url: str


class Services:
    """The running containers."""

    def __init__(
        self,
        network: Network,
        broker: Container,
        store: Container,
        database: Container,
        proxy: Toxiproxy,
        ports: "Ports",
    ) -> None:
        self.network = network
        self.broker = broker
        self.store = store
        self.database = database
        self.proxy = proxy
        self._ports = ports
        self.bootstrap = f"127.0.0.1:{ports.kafka}"
        self.store_url = f"redis://127.0.0.1:{ports.redis}/0"
        self.redis = redis.Redis.from_url(self.store_url, socket_timeout=5.0)
        self.kafka_link = Link.create(proxy, "kafka", ports.kafka_link, f"kafka:{_PROXIED_PORT}")
        self.redis_link = Link.create(proxy, "redis", ports.redis_link, "redis:6379")
        self._numbers = itertools.count()
        self._topics: list[str] = []

    def new_run(self, proxied: bool = False) -> RunUrls:
        """Create a topic of PARTITIONS and its .dead topic, remove all toxics, and empty the store.

        proxied: whether the workers reach both services through toxiproxy.
        """
        topic = f"faults-{next(self._numbers)}"
        for link in (self.kafka_link, self.redis_link):
            link.remove_toxics()
        self._topics = replace_topics(self.bootstrap, topic, PARTITIONS, self._topics)
        self.redis.flushall()
        ports = self._ports
        worker_ports = (ports.kafka_link, ports.redis_link) if proxied else (ports.kafka, ports.redis)
        return RunUrls(
            f"kafka://{self.bootstrap}/{topic}",
            self.store_url,
            f"kafka://127.0.0.1:{worker_ports[0]}/{topic}",
            f"redis://127.0.0.1:{worker_ports[1]}/0",
        )

    def new_page_run(self) -> PageUrls:
        """Create topics of pages and of jobs, each of PARTITIONS with its .dead topic, and an empty database."""
        jobs_url = self.new_run().jobs_url
        pages = f"{self.topic}-pages"
        self._topics += replace_topics(self.bootstrap, pages, PARTITIONS, [])
        name = self.topic.replace("-", "_")
        with psycopg.connect(self._database_url("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        return PageUrls(f"kafka://{self.bootstrap}/{pages}", jobs_url, self._database_url(name))

    @property
    def inner_urls(self) -> tuple[str, str]:
        """URLs of the newest topic and the store for a container in the same network."""
        return f"kafka://kafka:{_INNER_PORT}/{self.topic}", "redis://redis:6379/0"

    @property
    def topic(self) -> str:
        """The newest topic of jobs."""
        return self._topics[0]

    def limit_topic(self, partition_bytes: int) -> None:
        """Make the broker keep about that much of each partition, for loads that would fill the disk."""
        admin = kafka_admin(self.bootstrap)
        try:
            configs = {"retention.bytes": str(partition_bytes), "segment.bytes": str(partition_bytes // 8)}
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self.topic, configs=configs)])
        finally:
            admin.close()

    def restart_broker(self) -> None:
        """SIGKILL, and a start on the same files. Returns when the broker answers."""
        self.broker.kill()
        self.broker.start()
        self.await_broker()

    def restart_store(self) -> None:
        """SIGKILL, and a start on the same log. Returns when Redis has loaded it."""
        self.store.kill()
        self.store.start()
        self.await_store()

    def restart_database(self) -> None:
        """SIGKILL, and a start on the same files. Returns when PostgreSQL answers."""
        self.database.kill()
        self.database.start()
        self.await_database()

    def await_broker(self) -> None:
        """Returns when the broker answers. Raises kafka-python's own error if it does not."""
        kafka_admin(self.bootstrap, timeout_s=ANSWERS_WITHIN_S).close()

    def await_store(self) -> None:
        """Returns when Redis answers and has loaded its log. Raises StoreError if it does not."""
        if not happens_within(ANSWERS_WITHIN_S, self._store_answers, pause_s=0.05):
            raise StoreError(f"expected Redis at {self.store_url} within {ANSWERS_WITHIN_S:.0f} s, got no answer")

    def await_database(self) -> None:
        """Returns when PostgreSQL answers. Raises StoreError if it does not."""
        if not happens_within(ANSWERS_WITHIN_S, self._database_answers, pause_s=0.05):
            raise StoreError(f"expected PostgreSQL within {ANSWERS_WITHIN_S:.0f} s, got no answer")

    def _database_url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._ports.postgres}/{name}"

    def _database_answers(self) -> bool:
        try:
            psycopg.connect(self._database_url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _store_answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except redis.RedisError:
            return False


class Ports(NamedTuple):
    """Free ports of this host, chosen before the start because a restarted container must keep its address."""

    kafka: int
    kafka_link: int
    redis: int
    redis_link: int
    postgres: int
    proxy: int


@contextmanager
def running_services() -> Iterator[Services]:
    """All four, ready; removed at the end."""
    client = docker.from_env()
    name = f"mmdigit-faults-{uuid.uuid4().hex[:8]}"
    ports = Ports(*(free_port() for _ in Ports._fields))
    network = client.networks.create(name)
    containers: list[Container] = []

    def run(image: str, alias: str, published: dict[int, int], **options: Any) -> Container:
        container = client.containers.create(
            image,
            name=f"{name}-{alias}",
            network=network.name,
            networking_config={network.name: client.api.create_endpoint_config(aliases=[alias])},
            ports={inner: ("127.0.0.1", outer) for inner, outer in published.items()},
            **options,
        )
        containers.append(container)
        container.start()
        return container

    try:
        store = run(REDIS_IMAGE, "redis", {6379: ports.redis}, command=_RUN_REDIS)
        # Whoever reaches the port may enter: it is published on the loopback address alone.
        trust = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
        database = run(POSTGRES_IMAGE, "postgres", {5432: ports.postgres}, environment=trust)
        listeners = f"HOST://:{ports.kafka},PROXIED://:{_PROXIED_PORT},INNER://:{_INNER_PORT},CONTROLLER://:29093"
        advertised = (
            f"HOST://127.0.0.1:{ports.kafka},PROXIED://127.0.0.1:{ports.kafka_link},INNER://kafka:{_INNER_PORT}"
        )
        protocols = ",".join(f"{listener}:PLAINTEXT" for listener in ("HOST", "PROXIED", "INNER", "CONTROLLER"))
        settings = SINGLE_BROKER | {
            "LISTENERS": listeners,
            "ADVERTISED_LISTENERS": advertised,
            "LISTENER_SECURITY_PROTOCOL_MAP": protocols,
            "INTER_BROKER_LISTENER_NAME": "INNER",
        }
        broker = run(
            KAFKA_IMAGE,
            "kafka",
            {ports.kafka: ports.kafka},
            command=RESTARTABLE,
            environment={f"KAFKA_{key}": value for key, value in settings.items()},
        )
        links = {port: port for port in (ports.kafka_link, ports.redis_link)}
        run(TOXIPROXY_IMAGE, "toxiproxy", {8474: ports.proxy, **links})
        services = Services(network, broker, store, database, Toxiproxy(ports.proxy), ports)
        services.await_store()
        services.await_broker()
        services.await_database()
        yield services
        services.redis.close()
    finally:
        for container in containers:
            with suppress(APIError):  # also removes one that is still paused
                container.remove(force=True, v=True)
        network.remove()
        client.close()
