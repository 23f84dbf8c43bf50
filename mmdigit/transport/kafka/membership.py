"""Membership of the consumer group: joins it, and watches whether the broker answers heartbeats."""

import time
from typing import Any

from kafka.errors import FencedInstanceIdError

JOIN_TIMEOUT_MS = 3_000
"""How much longer a poll may take while the group rebalances and the other members finish their batches."""

HEARTBEAT_SILENCE_S = 5.0
"""After this time without a heartbeat response, the broker is away or the group cannot complete a rebalance."""


class Membership:
    """Works around faults of kafka-python 3.0.12's group coordinator."""

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator
        self._fenced: FencedInstanceIdError | None = None
        self._send_heartbeat = coordinator._send_heartbeat_request
        coordinator._send_heartbeat_request = self._send_watched_heartbeat

    def require_not_fenced(self) -> None:
        """Raises FencedInstanceIdError if another member took this one's address."""
        if self._fenced is not None:
            raise self._fenced

    def join(self) -> None:
        """Join or rejoin the group before a poll.

        kafka-python continues a join after poll's timeout, but loses its result if it ends between two polls. It then
        joins again, or, if new metadata caused the join, stays without partitions and heartbeats for good. So a join
        gets its own timeout, and an abandoned one is repeated.
        """
        if self._coordinator.rejoining and not self._coordinator.need_rejoin():
            self._coordinator.request_rejoin()
        if self._coordinator.need_rejoin():
            self._coordinator.poll(timeout_ms=JOIN_TIMEOUT_MS)

    @property
    def has_coordinator(self) -> bool:
        """Whether a commit can be sent now."""
        return not self._coordinator.coordinator_unknown()

    def waiting_for(self, address: str) -> str:
        """One line if heartbeats are not answered; else empty."""
        heartbeat = self._coordinator.heartbeat
        silent_s = time.monotonic() - max(heartbeat.last_receive, heartbeat.last_reset)
        if silent_s < HEARTBEAT_SILENCE_S:
            return ""
        return f"poll: no heartbeat response from the consumer group at {address} for {silent_s:.0f} s"

    async def _send_watched_heartbeat(self) -> None:
        """Remember a fencing error: kafka-python stops sending heartbeats, but keeps polling as if nothing happened."""
        try:
            await self._send_heartbeat()
        except FencedInstanceIdError as error:
            self._fenced = error
            raise
