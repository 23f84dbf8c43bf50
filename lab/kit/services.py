"""Real Kafka and Redis for the tests, in containers that end with the test run."""

import functools
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
from docker.errors import DockerException
from kafka import KafkaAdminClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from lab.kit.polling import until
from mmdigit.transport.kafka.client import connect

KAFKA_IMAGE = "apache/kafka:4.3.1"
REDIS_IMAGE = "redis:8.2.3-bookworm"
START_TIMEOUT_S = 120.0
LONE_BROKER = {
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
"""Of a KRaft broker that is controller too, whatever its listeners: KAFKA_* variables without the prefix."""

START_AGAIN = ["bash", "-c", "sed 's/set -euo/set -uo/' /etc/kafka/docker/run > /tmp/run && exec bash /tmp/run"]
"""The image's own start, but where its script ends at the first error: formatting fails on a disk that is formatted,
and the public image goes on from there."""


@functools.cache
def docker_problem() -> str:
    """Why there is no Docker engine to use, in one line; empty when there is one."""
    try:
        client = docker.from_env()
        try:
            client.ping()
        finally:
            client.close()
    except DockerException as error:
        return f"no Docker engine answers ({' '.join(str(error).split())[:200]}); start one, or set DOCKER_HOST"
    return ""


class Broker:
    """A broker that can die and come back, at the same address and with its records."""

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
    """One KRaft broker that is controller too; yields its host:port. Topics are never created on the fly.

    cpus: the cores it may use, as Docker writes them ("1", "1-3"); None = all. settings: as in LONE_BROKER.
    """
    with restartable_broker(cpus, **settings) as broker:
        yield broker.address


@contextmanager
def restartable_broker(cpus: str | None = None, **settings: str) -> Iterator[Broker]:
    """As kafka_broker, for tests that kill it."""
    without_missing_reaper()
    port = free_port()  # chosen before the start: the broker tells clients the address they are to use
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port).with_kwargs(cpuset_cpus=cpus)
    container = container.with_command(START_AGAIN)
    for name, value in {
        **LONE_BROKER,
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
    """A Redis server; yields its URL. cpus: the cores it may use, as for kafka_broker."""
    without_missing_reaper()
    with DockerContainer(REDIS_IMAGE).with_exposed_ports(6379).with_kwargs(cpuset_cpus=cpus) as container:
        port = int(container.get_exposed_port(6379))
        until(lambda: _answers_ping(port), f"a Redis server at port {port}")
        yield f"redis://127.0.0.1:{port}/0"


def kafka_admin(bootstrap: str, timeout_s: float = 10.0) -> KafkaAdminClient:
    """An admin client; to be closed by the caller."""
    return connect(KafkaAdminClient, [bootstrap], timeout_s=timeout_s)


def fresh_topics(bootstrap: str, topic: str, partitions: int, gone: Sequence[str]) -> list[str]:
    """Create the topic and its .dead topic, of one partition, and delete those that have had their time.

    Returns the names of both.
    """
    # file.delete.delay.ms: a million jobs must not lie on the disk for a minute after their run.
    settings = {"replication_factor": 1, "configs": {"file.delete.delay.ms": "0"}}
    topics = {topic: settings | {"num_partitions": partitions}, f"{topic}.dead": settings | {"num_partitions": 1}}
    admin = kafka_admin(bootstrap)
    try:
        if gone:
            admin.delete_topics(gone)
        admin.create_topics(topics, wait_for_metadata=True)
    finally:
        admin.close()
    return list(topics)


def free_port() -> int:
    """A TCP port of this host that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def without_missing_reaper() -> None:
    """testcontainers starts a container that removes the others when this process is killed. Where its image is not
    here it would be pulled, and no test may need a registry for that."""
    if "TESTCONTAINERS_RYUK_DISABLED" in os.environ:
        return
    client = docker.from_env()
    try:
        present = client.images.list(name=testcontainers_config.ryuk_image)
    finally:
        client.close()
    if not present:
        testcontainers_config.ryuk_disabled = True


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
    except OSError:
        return False
