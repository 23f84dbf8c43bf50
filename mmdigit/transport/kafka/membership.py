"""This member of the consumer group: joining it, and whether its heartbeats are answered."""

import time
from typing import Any

from kafka.errors import FencedInstanceIdError

JOIN_TIMEOUT_MS = 3_000
"""A poll may last this much longer while the group rebalances: the others' heartbeats, and what they have in hand."""

SILENCE_S = 5.0
"""So long without an answer to a heartbeat: a broker that is away, or a group that cannot agree."""


class Membership:
    """What kafka-python 3.0.12 leaves open about a member: its coordinator, watched and mended."""

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator
        self._fenced: FencedInstanceIdError | None = None
        self._send_heartbeat = coordinator._send_heartbeat_request
        coordinator._send_heartbeat_request = self._watched_heartbeat

    def require_place(self) -> None:
        """Raises FencedInstanceIdError if another member has taken this one's place."""
        if self._fenced is not None:
            raise self._fenced

    def join(self) -> None:
        """Join the group, or join it again, before polling.

        kafka-python goes on joining when poll's time is up, but forgets the outcome if the join ends between two polls:
        it joins anew, or, where the reason was new metadata, sees no reason any more and stays without partitions and
        heartbeats for good. So a join gets time of its own, and one that was left behind is repeated.
        """
        if self._coordinator.rejoining and not self._coordinator.need_rejoin():
            self._coordinator.request_rejoin()
        if self._coordinator.need_rejoin():
            self._coordinator.poll(timeout_ms=JOIN_TIMEOUT_MS)

    @property
    def has_coordinator(self) -> bool:
        """Whether a commit could be sent now."""
        return not self._coordinator.coordinator_unknown()

    def trouble(self, place: str) -> str:
        """What is wrong with the heartbeats, in one line; empty when they are answered."""
        heartbeat = self._coordinator.heartbeat
        silent_s = time.monotonic() - max(heartbeat.last_receive, heartbeat.last_reset)
        if silent_s < SILENCE_S:
            return ""
        return f"poll: no heartbeat of the consumer group answered at {place} for {silent_s:.0f} s"

    async def _watched_heartbeat(self) -> None:
        """kafka-python sends no more heartbeats when it is fenced, and polls on as if nothing had happened."""
        try:
            await self._send_heartbeat()
        except FencedInstanceIdError as error:
            self._fenced = error
            raise
