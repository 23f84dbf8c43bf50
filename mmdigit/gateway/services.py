"""What the operations need, made once by the command."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.answers import AnswerFeed
from mmdigit.gateway.backlog import Backlog
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.health import GatewayHealth
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reading import StoreReader
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.tallies import Tallies

T = TypeVar("T")

BATCH_TURNS = 8
"""Chunks of batches, of 4 MiB, that wait for the topic: half of what may wait (publishing.MAX_WAITING_BYTES)."""


@dataclass(frozen=True)
class Services:
    """The ports of one gateway, and its limits."""

    publisher: BatchPublisher
    feed: AnswerFeed
    reader: StoreReader
    backlog: Backlog
    registry: Registry
    entrance: Entrance
    max_backlog_s: float
    max_batch_bytes: int
    forms: Forms | None = None
    """None if the gateway takes no forms."""
    webhook_hosts: frozenset[str] = frozenset()
    """Where webhooks may lead; none if the gateway sends none."""
    grafana_url: str | None = None
    """Where the dashboards are, for people who watch; None if there are none."""
    tallies: Tallies = field(default_factory=Tallies)
    batch_turns: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, BATCH_TURNS))
    """Batches wait for their turn to publish a chunk, so that many of them leave room for single jobs."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the program ends. Whoever streams events ends then; AnswerFeed.wake() has them look."""

    @cached_property
    def health(self) -> GatewayHealth:
        """What /healthz and /readyz say."""
        return GatewayHealth(self.publisher, self.feed, self.reader, self.stopping)

    def now(self) -> datetime:
        """The time of a job's arrival."""
        return datetime.now(UTC)

    async def in_registry(self, call: Callable[[Registry], T]) -> T:
        """The result of the call in a thread. Raises what the registry raises."""
        return await asyncio.to_thread(call, self.registry)


async def services_of(request: Request) -> Services:
    """The services of the request's application."""  # async: others run in a thread, which costs 60 us
    found: Services = request.app.state.services  # set by build_app
    return found


UseServices = Annotated[Services, Depends(services_of)]
