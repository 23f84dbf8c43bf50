"""Kafka client sockets: on socket pairs, and on a broker that closes connections."""

import logging
import socket
import types
from collections.abc import Generator

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket
from kafka.net.transport import KafkaTCPTransport

from lab.kit.polling import until
from lab.kit.services import kafka_admin, kafka_broker, restartable_broker
from mmdigit.transport.kafka.sockets import ClosingSelector, patch_sockets
from mmdigit.transport.ports import Consumer
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.errors import TransportError


def test_deliver_data_before_eof() -> None:
    for _ in range(2):
        patch_sockets()
    broker, client = socket.socketpair()
    client.setblocking(False)
    with client:
        with broker:
            broker.sendall(b"wrong password")
        transport = KafkaTCPTransport(None, client)
        assert transport._sock_recv() == (b"wrong password", None)
        nothing, end = transport._sock_recv()
        assert (nothing, type(end)) == (b"", KafkaConnectionError)


class Loop:
    """Waits forever for a socket."""

    @types.coroutine
    def wait_write(self, sock: socket.socket, timeout_at: float | None = None) -> Generator[None, None, None]:
        yield


def test_connect_closes_its_socket_with_the_client() -> None:
    patch_sockets()
    with socket.socket() as listener, socket.socket() as full:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full.connect(listener.getsockname())
        sock = socket.socket()
        sock.setblocking(False)
        connecting = KafkaNetSocket().sock_connect(Loop(), sock, listener.getsockname())
        connecting.send(None)
        connecting.close()
        assert sock.fileno() == -1


def test_connect_closes_a_refused_socket() -> None:
    patch_sockets()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # but does not listen
        sock = socket.socket()
        with pytest.raises(KafkaConnectionError):
            KafkaNetSocket().sock_connect(Loop(), sock, nobody.getsockname()).send(None)
        assert sock.fileno() == -1


def test_closed_client_leaves_no_unwritten_connection_open() -> None:
    broker, client = socket.socketpair()  # the broker reads nothing
    client.setblocking(False)
    loop = ClosingSelector()
    with broker, client:
        transport = KafkaTCPTransport(loop, client)
        transport.write(bytes(10_000_000))
        loop.drain()
        transport.close()
        loop.close()
        assert client.fileno() == -1


@pytest.mark.docker
def test_idle_connection_closed_by_broker_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "mmdigit.transport.kafka.sockets")
    with kafka_broker(CONNECTIONS_MAX_IDLE_MS="1000") as bootstrap:
        admin = kafka_admin(bootstrap)
        try:
            admin.create_topics({"idle": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        finally:
            admin.close()
        with open_publisher(f"kafka://{bootstrap}/idle") as publisher:
            for number in range(2):
                publisher.send(None, b"%d" % number)
                publisher.flush(10)
                until(lambda: closed(caplog), "an idle connection closed")
                assert not failures(caplog)
                assert len(closed(caplog)) == 1
                caplog.clear()


@pytest.mark.docker
def test_dead_broker_is_still_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with restartable_broker() as broker:
        admin = kafka_admin(broker.address)
        try:
            admin.create_topics({"dies": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
        finally:
            admin.close()
        with open_consumer(f"kafka://{broker.address}/dies", group="g") as consumer:
            until(lambda: consumer.poll(1, 0.2) or consumer.assignment(), "an assignment")
            broker.kill()
            until(lambda: fails(consumer) or failures(caplog), "an error of the client")
            broker.start()


def fails(consumer: Consumer) -> bool:
    try:
        consumer.poll(1, 0.2)
    except TransportError:
        return True
    return False


def closed(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message == "idle connection closed by the broker"]


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
