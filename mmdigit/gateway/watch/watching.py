"""Watching: one look a second at how it is going, whoever and however many watch."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, suppress
from datetime import timedelta

from mmdigit.gateway.services import Services
from mmdigit.gateway.watch.pace import Pace
from mmdigit.gateway.watch.progress import Progress
from schemas.errors import MmdigitError
from schemas.watch import WatchedGroup, WatchStatus

log = logging.getLogger(__name__)

EVERY_S = 1.0
PAUSES = 9
"""A look is followed by a pause of so many times its own length, so that looks take a tenth of one thread."""
MAX_PAUSE_S = 4.0
"""More would make the figures stale (routes/watch.py: AT_LEAST_EVERY_S)."""
WAITS_FOR = timedelta(hours=1)
"""A group that is not finished by then is not taken for one whose workers are silent: its outcomes may have expired."""


class Watching:
    """Gives the status to all who follow it. A tenant is looked at while somebody of it follows. For the event loop."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._tenants: dict[str, _Tenant] = {}
        self._pace = Pace(services.now, clock)
        self._observing: ExitStack | None = None
        self._one_at_a_time = asyncio.Lock()

    async def follow(self, tenant: str) -> AsyncGenerator[WatchStatus]:
        """Each status from now on, until the gateway stops. Whoever is slow gets the newest."""
        watched = self._enter(tenant)
        try:
            told = 0
            while status := await watched.after(told):
                told = watched.number
                yield status
        finally:
            self._leave(tenant, watched)

    def _enter(self, tenant: str) -> "_Tenant":
        if self._observing is None:
            self._pace.start()
            self._observing = ExitStack()
            self._observing.enter_context(self._services.feed.observing(self._pace.saw))
        if tenant not in self._tenants:
            self._tenants[tenant] = _Tenant(self._services, tenant, self._pace, self._one_at_a_time, self._clock)
        watched = self._tenants[tenant]
        watched.followers += 1
        return watched

    def _leave(self, tenant: str, watched: "_Tenant") -> None:
        watched.followers -= 1
        if not watched.followers:
            watched.looking.cancel()
            del self._tenants[tenant]
        if not self._tenants and self._observing is not None:
            self._observing.close()
            self._observing = None


class _Tenant:
    """What the followers of one tenant share. number: how often it was looked."""

    def __init__(
        self, services: Services, tenant: str, pace: Pace, one_at_a_time: asyncio.Lock, clock: Callable[[], float]
    ) -> None:
        self._services, self._pace, self._one_at_a_time, self._clock = services, pace, one_at_a_time, clock
        self._progress = Progress(services, tenant, clock)
        self._groups: tuple[WatchedGroup, ...] = ()
        self._more = False
        self._ended: dict[str, int] = {}  # outcomes of each group
        self._got_on_s = clock()
        self._changed = asyncio.Condition()
        self._stopped = False
        self._status: WatchStatus | None = None
        self.number = 0
        self.followers = 0
        self.looking = asyncio.create_task(self._look_again_and_again())

    async def after(self, number: int) -> WatchStatus | None:
        """The newest status that is later than this one; None once the gateway stops."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.number > number or self._stopped)
        return None if self._stopped else self._status

    async def _look_again_and_again(self) -> None:
        stopping = self._services.stopping
        try:
            while not stopping.is_set():
                async with self._one_at_a_time:  # however many tenants are watched
                    began_s = self._clock()
                    self._status = await self._look()
                    took_s = self._clock() - began_s
                self.number += 1
                async with self._changed:
                    self._changed.notify_all()
                pause_s = max(EVERY_S, min(PAUSES * took_s, MAX_PAUSE_S))
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), pause_s)
        except Exception:  # nobody may follow a look that has ended for ever
            log.exception("watching failed; please report it")
        self._stopped = True
        async with self._changed:
            self._changed.notify_all()

    async def _look(self) -> WatchStatus:
        missing = self._services.health.missing()
        try:
            self._groups, self._more = await self._progress.look()
        except MmdigitError:
            # Whoever fails tells it: the store and the topic by the gateway's health, the databases by nothing else.
            missing = self._services.health.missing() or ["database"]
        backlog_s = self._services.backlog.seconds
        return WatchStatus(
            at=self._services.now(),
            pace=self._pace.told(),
            backlog_s=round(backlog_s, 1),
            max_backlog_s=self._services.max_backlog_s,
            silent_s=self._silent_s(backlog_s),
            missing=tuple(missing),
            groups=self._groups,
            more_groups=self._more,
            grafana_url=self._services.grafana_url,
        )

    def _silent_s(self, backlog_s: float) -> float | None:
        now_s, now = self._clock(), self._services.now()
        open_ = [
            group
            for group in self._groups
            if not group.finished and group.created_at is not None and now - group.created_at < WAITS_FOR
        ]
        ended = {group.group: group.done + group.dead for group in self._groups}
        if ended != self._ended or not (open_ or backlog_s):
            self._ended, self._got_on_s = ended, now_s
        if not open_ and not backlog_s:
            return None
        return round(now_s - max(self._got_on_s, self._pace.last_s), 1)
