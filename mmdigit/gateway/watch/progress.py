"""How far the newest groups of a tenant are, looked at again and again without looking at everything each time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mmdigit.forms.reviewing.control import controlled_weeks, together
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.pages import count_pages
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.routes.groups import status_of_jobs
from mmdigit.gateway.services import Services
from mmdigit.transport.ports import GroupCounts, PredictionStore
from schemas.api import Decisions
from schemas.watch import SampledError, WatchedGroup

MAX_GROUPS = 50
COUNT_FOR_S = 0.2
"""After so long, a look counts no more decisions: the next one goes on."""
SAMPLED_EVERY_S = 10.0


@dataclass
class _Known:
    """What is known of a group. pages: of a group of pages."""

    jobs: int
    status: WatchedGroup
    pages: tuple[str, ...] = ()
    sampled_s: float = float("-inf")

    @property
    def is_settled(self) -> bool:
        counted = self.status.kind == "pages" or self.status.decisions.counted >= self.status.done + self.status.dead
        return self.status.finished and counted


class Progress:
    """The groups of one tenant."""

    def __init__(self, services: Services, tenant: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._principal = Principal(tenant, SCOPES, "watch")
        self._known: dict[str, _Known] = {}
        self._turn = 0

    async def look(self) -> tuple[tuple[WatchedGroup, ...], bool]:
        """The newest groups, and whether there are older ones. Of those that are finished, one a look is counted again.

        Raises as the registry, the store and the forms' database do.
        """
        tenant = self._principal.tenant
        found = await self._services.in_registry(lambda registry: registry.groups(tenant, MAX_GROUPS + 1))
        newest = found[:MAX_GROUPS]
        self._known = {group.name: self._known[group.name] for group in newest if group.name in self._known}
        due = self._due(newest)
        counted = await self._services.reader.read(
            partial(self._counted, [group for group in due if group.kind == "jobs"])
        )
        for group in due:
            if group.kind == "jobs":
                self._keep(group, *counted[group.name])
            elif self._services.forms is not None:
                await self._look_at_pages(group, self._services.forms)
        return tuple(self._known[group.name].status for group in newest if group.name in self._known), len(found) > len(
            newest
        )

    def _due(self, newest: Sequence[StoredGroup]) -> list[StoredGroup]:
        self._turn += 1
        due = []
        for number, group in enumerate(newest):
            known = self._known.get(group.name)
            is_its_turn = number == self._turn % len(newest)
            if known is None or known.jobs != group.jobs or not known.is_settled or is_its_turn:
                due.append(group)
        return due

    def _counted(
        self, groups: Sequence[StoredGroup], store: PredictionStore
    ) -> dict[str, tuple[GroupCounts, Decisions]]:
        """In a thread."""
        until_s = self._clock() + COUNT_FOR_S
        tallies = self._services.tallies
        found = {}
        for group in groups:
            stored = self._principal.stored(group.name)
            may_count = self._clock() < until_s
            decisions = tallies.count(store, stored) if may_count else tallies.known(stored)
            found[group.name] = store.counts(stored), decisions
        return found

    async def _look_at_pages(self, group: StoredGroup, forms: Forms) -> None:
        known = self._known.get(group.name)
        if known is None or known.jobs != group.jobs:
            whole = await self._services.in_registry(lambda registry: registry.group(group.tenant, group.name))
            pages = () if whole is None else whole.pages
            sampled, sampled_s = None, float("-inf")
        else:
            pages, sampled, sampled_s = known.pages, known.status.sampled, known.sampled_s
        of_pages = StoredGroup(group.tenant, group.name, "pages", group.jobs, group.created_at, pages)
        counts, decisions = await asyncio.to_thread(count_pages, forms.store, of_pages)
        if self._clock() - sampled_s >= SAMPLED_EVERY_S:
            sampled = await asyncio.to_thread(sampled_error, forms, pages)
            sampled_s = self._clock()
        self._keep(group, counts, decisions, pages, sampled, sampled_s)

    def _keep(
        self,
        group: StoredGroup,
        counts: GroupCounts,
        decisions: Decisions,
        pages: tuple[str, ...] = (),
        sampled: SampledError | None = None,
        sampled_s: float = float("-inf"),
    ) -> None:
        status = status_of_jobs(group.name, group, counts, decisions, self._services.now())
        watched = WatchedGroup(**dict(status), sampled=sampled)
        self._known[group.name] = _Known(group.jobs, watched, pages, sampled_s)


def sampled_error(forms: Forms, pages: Sequence[str]) -> SampledError | None:
    """What a control shows of these pages; None before anybody has keyed one of their fields."""
    weeks = [
        week
        for template in forms.templates
        for week in controlled_weeks(forms.store.controlled_of(pages, template.digest), template)
    ]
    all_weeks = together(weeks)
    if all_weeks is None:
        return None
    return SampledError(
        keyed=all_weeks.keyed,
        wrong=all_weeks.wrong,
        unconfirmed=all_weeks.unconfirmed,
        bound=all_weeks.bound,
        target=all_weeks.target,
    )
