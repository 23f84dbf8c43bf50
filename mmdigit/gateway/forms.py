"""What the gateway needs to take forms: the topic of pages, the templates, the forms' database and page decoders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.template.template import Template
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.reviewing.desk import ReviewDesk

DECODERS = 2
"""Each is a process that may use 1 GB."""


class Decoders:
    """A few page decoders, which requests take in turn. A context manager: their processes end with the block."""

    def __init__(self, count: int = DECODERS) -> None:
        self._all = [PageDecoder() for _ in range(count)]
        self._idle = list(self._all)
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[PageDecoder]:
        """A decoder of one's own, once one is free."""
        async with self._free:
            decoder = self._idle.pop()
            try:
                yield decoder
            finally:
                self._idle.append(decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with ExitStack() as stack:
            for decoder in self._all:
                stack.push(decoder.__exit__)


@dataclass(frozen=True)
class Forms:
    """templates: those of the page workers. desk: where their fields are reviewed."""

    publisher: BatchPublisher
    templates: tuple[Template, ...]
    store: PageStore
    decoders: Decoders
    desk: ReviewDesk
