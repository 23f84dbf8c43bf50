"""What /healthz and /readyz answer, on both ports."""

import asyncio

from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.telemetry.health import Status


class GatewayHealth:
    """Alive while the program runs; ready while it waits for neither topic nor store, and is not stopping."""

    def __init__(
        self, publisher: BatchPublisher, feed: AnswerFeed, reader: StoreReader, stopping: asyncio.Event
    ) -> None:
        self._ports: dict[str, BatchPublisher | AnswerFeed | StoreReader] = {
            "topic of jobs": publisher,
            "feed": feed,
            "store": reader,
        }
        self._stopping = stopping

    def alive(self) -> Status:
        return Status(True, "alive")

    def missing(self) -> list[str]:
        """What the gateway waits for."""
        return [name for name, port in self._ports.items() if port.waiting_for]

    def ready(self) -> Status:
        """The message names the port alone: load balancers ask without a token, and the log has the rest."""
        if self._stopping.is_set():
            return Status(False, "stopping")
        missing = self.missing()
        return Status(not missing, f"waiting for the {' and the '.join(missing)}" if missing else "ready")
