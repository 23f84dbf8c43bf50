"""How the Kafka clients read their sockets, on socket pairs."""

import socket

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport

from transport.kafka_sockets import mend_reading


def test_what_a_broker_says_before_it_hangs_up_is_heard() -> None:
    for _ in range(2):
        mend_reading()
    broker, client = socket.socketpair()
    client.setblocking(False)
    with client:
        with broker:
            broker.sendall(b"wrong password")
        transport = KafkaTCPTransport(None, client)
        assert transport._sock_recv() == (b"wrong password", None)
        nothing, end = transport._sock_recv()
        assert (nothing, type(end)) == (b"", KafkaConnectionError)
