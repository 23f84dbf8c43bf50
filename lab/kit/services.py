"""Kafka, Redis and PostgreSQL in containers, for benchmarks, faults and tests."""

import functools
import gc
import os
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import docker
import psycopg
from docker.errors import DockerException
from kafka import KafkaAdminClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from lab.kit.polling import until
from mmdigit.transport.kafka.client import connect

KAFKA_IMAGE = "apache/kafka:4.3.1"
REDIS_IMAGE = "redis:8.2.3-bookworm"
POSTGRES_IMAGE = "postgres:15-bookworm"
POSTGRES_PASSWORD = "only for tests"  # noqa: S105  of a server that lives as long as a test run
START_TIMEOUT_S = 120.0
SINGLE_BROKER = {
    "NODE_ID": "1",
    "PROCESS_ROLES": "broker,controller",
    "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
    "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "OFFSETS_TOPIC_NUM_PARTITIONS": "1",
    "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "AUTO_CREATE_TOPICS_ENABLE": "false",
    "HEAP_OPTS": "-Xmx512m",
}
"""Settings of a KRaft broker that is its own controller, without listeners: KAFKA_* variables without the prefix."""

RESTARTABLE = ["bash", "-c", "sed 's/set -euo/set -uo/' /etc/kafka/docker/run > /tmp/run && exec bash /tmp/run"]
"""The image's own start without `set -e`: formatting fails on a restart, when the disk is already formatted."""


@functools.cache
def docker_problem() -> str:
    """Why no Docker engine can be used, in one line; empty if one can."""
    problem = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker-py leaves the socket of a failed connection open
        try:
            with closing(docker.from_env()) as client:
                client.ping()
        except DockerException as error:
            cause = " ".join(str(error).split())[:200]
            problem = f"no Docker engine answers ({cause}); start one, or set DOCKER_HOST"
        gc.collect()
    return problem


class Broker:
    """A broker that can be killed and started again, with the same address and records."""

    def __init__(self, address: str, container: DockerContainer) -> None:
        self.address = address
        self._container = container.get_wrapped_container()

    def kill(self) -> None:
        """SIGKILL."""
        self._container.kill()

    def start(self) -> None:
        """Start it again; returns when it answers."""
        self._container.start()
        kafka_admin(self.address, timeout_s=START_TIMEOUT_S).close()


@contextmanager
def kafka_broker(cpus: str | None = None, **settings: str) -> Iterator[str]:
    """One KRaft broker; yields its host:port. It creates no topic by itself.

    cpus: the cores it may use, as Docker writes them ("1", "1-3"); None = all. settings: override SINGLE_BROKER.
    """
    with restartable_broker(cpus, **settings) as broker:
        yield broker.address


@contextmanager
def restartable_broker(cpus: str | None = None, **settings: str) -> Iterator[Broker]:
    """Like kafka_broker, for tests that kill it."""
    skip_missing_ryuk()
    port = free_port()  # chosen before the start: the broker advertises it to clients
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port).with_kwargs(cpuset_cpus=cpus)
    container = container.with_command(RESTARTABLE)
    for name, value in {
        **SINGLE_BROKER,
        "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:29093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        **settings,
    }.items():
        container = container.with_env(f"KAFKA_{name}", value)
    with container:
        address = f"127.0.0.1:{port}"
        kafka_admin(address, timeout_s=START_TIMEOUT_S).close()  # returns when the broker answers
        yield Broker(address, container)


@contextmanager
def redis_server(cpus: str | None = None) -> Iterator[str]:
    """A Redis server; yields its URL. cpus: as for kafka_broker."""
    skip_missing_ryuk()
    with DockerContainer(REDIS_IMAGE).with_exposed_ports(6379).with_kwargs(cpuset_cpus=cpus) as container:
        port = int(container.get_exposed_port(6379))
        until(lambda: _answers_ping(port), f"a Redis server at port {port}")
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server without TLS; yields the URL of its database. The password is POSTGRES_PASSWORD."""
    skip_missing_ryuk()
    container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
    container = container.with_env("POSTGRES_USER", "forms").with_env("POSTGRES_PASSWORD", POSTGRES_PASSWORD)
    with container:
        port = int(container.get_exposed_port(5432))
        # The server that prepares the data listens on no port.
        until(lambda: _answers_queries(port), f"a PostgreSQL server at port {port}")
        yield f"postgresql://forms@127.0.0.1:{port}/forms"


def kafka_admin(bootstrap: str, timeout_s: float = 10.0) -> KafkaAdminClient:
    """An admin client. The caller closes it."""
    return connect(KafkaAdminClient, [bootstrap], timeout_s=timeout_s)


def replace_topics(bootstrap: str, topic: str, partitions: int, obsolete: Sequence[str]) -> list[str]:
    """Delete the obsolete topics; create the topic and its .dead topic of one partition. Returns both names."""
    # file.delete.delay.ms: a million jobs must not stay on the disk for a minute after their run.
    settings = {"replication_factor": 1, "configs": {"file.delete.delay.ms": "0"}}
    topics = {topic: settings | {"num_partitions": partitions}, f"{topic}.dead": settings | {"num_partitions": 1}}
    admin = kafka_admin(bootstrap)
    try:
        if obsolete:
            admin.delete_topics(obsolete)
        admin.create_topics(topics, wait_for_metadata=True)
    finally:
        admin.close()
    return list(topics)


def free_port() -> int:
    """A TCP port of this host that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def skip_missing_ryuk() -> None:
    """Disable Ryuk, testcontainers' own cleaner, if its image is missing: pulling it would need a registry."""
    if "TESTCONTAINERS_RYUK_DISABLED" in os.environ:
        return
    client = docker.from_env()
    try:
        present = client.images.list(name=testcontainers_config.ryuk_image)
    finally:
        client.close()
    if not present:
        testcontainers_config.ryuk_disabled = True


def _answers_queries(port: int) -> bool:
    try:
        psycopg.connect(
            host="127.0.0.1", port=port, user="forms", password=POSTGRES_PASSWORD, connect_timeout=2
        ).close()  # fmt: skip
    except psycopg.OperationalError:
        return False
    return True


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
    except OSError:
        return False
