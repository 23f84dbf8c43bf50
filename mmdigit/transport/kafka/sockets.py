"""Fixes for kafka-python's sockets: deliver data before EOF, ignore the end of idle connections, leak no socket."""

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


def patch_sockets() -> None:
    """Make kafka-python receive and connect with the functions of this module. Safe to call twice."""
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        transport._sock_recv = deliver_data_before_eof
    KafkaNetSocket.sock_connect = connect_or_close


async def connect_or_close(factory: Any, net: Any, sock: Any, address: Any, timeout_at: float | None = None) -> Any:
    """Connect the socket, or close it on failure.

    kafka-python 3.0.12 leaves a socket to the garbage collector if its connection is refused or its client closes.
    """
    try:
        return await _connect(factory, net, sock, address, timeout_at=timeout_at)
    except BaseException:  # GeneratorExit among them: the client was closed
        sock.close()
        raise


def deliver_data_before_eof(transport: Any) -> tuple[bytes, Exception | None]:
    """The bytes received, and the error that ended the connection, if any.

    kafka-python 3.0.12 drops data that arrives together with EOF, such as the reason why a login failed. It also
    treats every EOF as a failure: it logs three errors and requests metadata over a new connection, which becomes idle
    in turn. Brokers and load balancers close idle connections routinely (connections.max.idle.ms), so without a pending
    request the connection is closed as if by this side.
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
            return bytes(received), None  # the next read gets EOF again
        else:
            _close_if_idle(transport)
            return b"", end


def _close_if_idle(transport: Any) -> None:
    connection = transport.get_protocol()
    if connection is not None and connection.connected and not connection.in_flight_requests:
        log.debug("idle connection closed by the broker", extra={"node": connection.node_id})
        transport.close()
