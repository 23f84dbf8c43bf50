"""How the Kafka clients use their sockets: data before an end is read, idle ends are no failure, none stays open."""

import logging
import ssl
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

log = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
_connect = KafkaNetSocket.sock_connect
_NOTHING_YET = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ClosingSelector(NetworkSelector):  # type: ignore[misc]  # kafka-python has no types
    """The client's event loop, which leaves no socket open.

    kafka-python 3.0.12 closes a connection when all of it is written; if the client is closed earlier, as with a broker
    that reads slowly, the socket stays open until it is garbage collected.
    """

    def close(self) -> None:
        if self._closed:
            return
        self.stop()
        self.drain()
        waiting = [key.fileobj for key in self._selector.get_map().values()]
        super().close()
        for sock in waiting:
            sock.close()


def mend_sockets() -> None:
    """Make kafka-python read with receive() and connect with connect(). Harmless to repeat."""
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        transport._sock_recv = receive
    KafkaNetSocket.sock_connect = connect


async def connect(factory: Any, net: Any, sock: Any, address: Any, timeout_at: float | None = None) -> Any:
    """The connected socket, or none that is open.

    kafka-python 3.0.12 leaves the socket of a refused connection, and of one that was still being made when its client
    was closed, to the garbage collector.
    """
    try:
        return await _connect(factory, net, sock, address, timeout_at=timeout_at)
    except BaseException:  # GeneratorExit among them: the client was closed
        sock.close()
        raise


def receive(transport: Any) -> tuple[bytes, Exception | None]:
    """What has arrived, and why there will be no more.

    kafka-python 3.0.12 drops what arrives together with the end: of forty wrong passwords fifteen were a lost
    connection. And it takes each end for a failure: three errors are logged, and new metadata are asked for over a new
    connection, which is idle in its turn. Brokers and load balancers end idle connections as a matter of course
    (connections.max.idle.ms), so where nobody waits for an answer the connection is closed as if by this side.
    """
    received = bytearray()
    while True:
        try:
            chunk = transport._sock.recv(_READ_BYTES)
        except _NOTHING_YET:
            return bytes(received), None
        except OSError as error:
            chunk, end = b"", KafkaConnectionError(error)
        else:
            end = KafkaConnectionError("socket disconnected")
        if chunk:
            received += chunk
        elif received:
            return bytes(received), None  # the next read finds the end again
        else:
            _close_if_idle(transport)
            return b"", end


def _close_if_idle(transport: Any) -> None:
    connection = transport.get_protocol()
    if connection is not None and connection.connected and not connection.in_flight_requests:
        log.debug("idle connection closed by the broker", extra={"node": connection.node_id})
        transport.close()
