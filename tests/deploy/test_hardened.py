"""The running services of docker-compose.yml work without capabilities and with a read-only root."""

from collections.abc import Iterator

import pytest
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError

from mmdigit.transport.kafka.batches import MAX_BATCH_BYTES
from schemas.errors import TransportError
from tests.deploy.compose import JOBS, Compose

pytestmark = pytest.mark.docker

RUNNING = ["kafka", "redis", "prometheus", "links"]
PROBE = "grep '^Cap' /proc/1/status; grep NoNewPrivs /proc/1/status; touch /probe /etc/probe 2>&1; true"


@pytest.fixture(scope="module")
def stack() -> Iterator[Compose]:
    with Compose() as compose:
        compose.run("--profile", "chaos", "up", "--detach", "--wait", "--no-deps", *RUNNING)
        yield compose


def check(said: str) -> None:
    lines = [line.split(":", 1) for line in said.splitlines() if ":" in line]
    capabilities = {name: value.strip() for name, value in lines if name.startswith("Cap")}
    assert set(capabilities) == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}
    assert {int(value, 16) for value in capabilities.values()} == {0}
    assert ["NoNewPrivs", "\t1"] in lines
    assert said.count("Read-only file system") == 2, said


@pytest.mark.parametrize("service", RUNNING)
def test_running_services_have_no_capabilities(stack: Compose, service: str) -> None:
    check(stack.run("--profile", "chaos", "exec", "-T", service, "sh", "-c", PROBE))


@pytest.mark.parametrize(
    "service", ["topics", "worker", "producer", "load", "chaos-worker", "chaos", "page-worker", "collector", "gateway"]
)
def test_finished_services_have_no_capabilities(stack: Compose, service: str) -> None:
    command = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "sh", service, "-c", PROBE)
    check(stack.run("--profile", "*", *command))


def test_hardened_services_do_their_work(stack: Compose) -> None:
    stack.run("run", "--rm", "-T", "topics")
    for codec in (None, "gzip", "lz4", "zstd"):  # Kafka decompresses each to check it, some with native libraries
        producer = KafkaProducer(bootstrap_servers=stack.bootstrap, compression_type=codec, acks="all")
        try:
            producer.send(JOBS, b"x" * 1000).get(timeout=30)
        finally:
            producer.close()
    # The broker rejects an oversized batch, so that no worker receives it.
    producer = KafkaProducer(
        bootstrap_servers=stack.bootstrap, compression_type="zstd", acks="all", max_request_size=200_000_000
    )
    try:
        with pytest.raises(MessageSizeTooLargeError):
            producer.send(JOBS, bytes(2 * MAX_BATCH_BYTES)).get(timeout=60)
    finally:
        producer.close()
    stack.run("exec", "-T", "redis", "redis-cli", "set", "key", "value")
    stack.run("restart", "redis")
    stack.run("up", "--detach", "--wait", "--no-deps", "redis")
    assert stack.run("exec", "-T", "redis", "redis-cli", "get", "key").strip() == "value"
    with pytest.raises(TransportError):
        stack.run("exec", "-T", "redis", "sh", "-c", "echo x > /usr/local/bin/redis-server")
