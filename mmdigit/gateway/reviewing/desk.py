"""ReviewDesk: the open work of every group that is reviewed, kept in memory and read again now and then."""

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.store.review_port import FieldPlace, ReviewedField, ReviewStore, StoredClaim
from mmdigit.forms.template.template import Template
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.reviewing.open_work import OpenWork, Sample
from schemas.errors import MmdigitError

log = logging.getLogger(__name__)
T = TypeVar("T")

FRESH_S = 2.0
"""How old a copy may be before it is read again; a copy that takes long is read less often."""
READING_SHARE = 0.05
"""Of the time, at most, that goes into reading one group again and again."""
THREADS = 8
"""In which people's requests are worked on: a group that is read for the first time holds up no other operation."""
MAX_GROUPS = 200
"""In memory; the one that nobody has asked for longest goes first."""
MAX_FIELDS = 300_000
"""Of all groups in memory, open or keyed, about 1.4 KB each; a single group may have more."""


@dataclass(frozen=True)
class GroupWork:
    """The work of one group by form, those without values left out. pages: the stored groups of all its pages."""

    works: tuple[OpenWork, ...]
    pages: frozenset[str]
    read_s: float
    took_s: float

    @property
    def fields(self) -> int:
        """How many are in memory."""
        return sum(map(len, self.works))

    def with_field(self, field: FieldPlace) -> OpenWork | None:
        return next((work for work in self.works if work.find(field) is not None), None)


class ReviewDesk:
    """Safe to use from several threads. A context manager: its threads end with the block."""

    def __init__(
        self,
        registry: Registry,
        pages: PageStore,
        review: ReviewStore,
        templates: tuple[Template, ...],
        sample: Sample,
        lease_s: float,
        *,
        fresh_s: float = FRESH_S,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """sample: of the control. lease_s: how long a claim holds what it has without a key or a renewal."""
        self.review, self.pages, self.templates, self.sample = review, pages, templates, sample
        self._registry, self._lease, self._fresh_s = registry, timedelta(seconds=lease_s), fresh_s
        self._clock, self.now = clock, now
        self._lock = threading.Lock()
        self._groups: OrderedDict[tuple[str, str], GroupWork] = OrderedDict()
        self._reading: dict[tuple[str, str], threading.Lock] = {}
        self._threads = ThreadPoolExecutor(THREADS, "review")
        self._reader = ThreadPoolExecutor(1, "review-reader")
        self._waiting: set[tuple[str, str]] = set()
        self._meanwhile: dict[tuple[str, str], dict[FieldPlace, ReviewedField]] = {}

    def expires_at(self) -> datetime:
        """When a claim that is made or renewed now ends."""
        return self.now() + self._lease

    async def run(self, call: Callable[[], T]) -> T:
        """The result of the call in a thread. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def known_work(self, tenant: str, group: str) -> GroupWork | None:
        """As work, but at once: None also if the group has yet to be read, which begins then."""
        with self._lock:
            is_known = (tenant, group) in self._groups
        if is_known:
            return self.work(tenant, group)
        self._read_later((tenant, group), None)
        return None

    def work(self, tenant: str, group: str, *, anew: bool = False) -> GroupWork | None:
        """The work of a tenant's group of pages; None if there is no such group. It may be a little old.

        anew: read it again if that has not been done just now.
        """
        key = tenant, group
        with self._lock:
            found = self._groups.get(key)
            if found is not None:
                self._groups.move_to_end(key)
        if found is None:
            return self._read(key, found)
        age_s = self._clock() - found.read_s
        if anew and age_s >= max(self._fresh_s / 2, found.took_s):
            return self._read(key, found)
        if age_s >= self._fresh_s and age_s * READING_SHARE >= found.took_s:
            self._read_later(key, found)
        return found

    def update(
        self, claim: StoredClaim, field: FieldPlace, reviewed: ReviewedField, *, keyed_at: datetime | None
    ) -> None:
        """A field has changed; also in the copy that is being read, if it is there already. keyed_at: when the claim's
        holder has keyed it, by the log; None if they have not."""
        key = claim.tenant, claim.group
        with self._lock:
            if key in self._meanwhile:
                self._meanwhile[key][field] = reviewed
            found = self._groups.get(key)
            work = None if found is None else found.with_field(field)
            if work is not None:
                work.update(field, reviewed)
                if keyed_at is not None:
                    work.activity.add(claim.clerk, keyed_at)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)
        self._reader.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _read_later(self, key: tuple[str, str], before: GroupWork | None) -> None:
        with self._lock:
            if key in self._waiting:
                return
            self._waiting.add(key)

        def read() -> None:
            try:
                self._read(key, before)
            except MmdigitError as error:
                log.warning("the open fields cannot be read again", extra={"error": str(error)})
            finally:
                with self._lock:
                    self._waiting.discard(key)

        self._reader.submit(read)

    def _read(self, key: tuple[str, str], before: GroupWork | None) -> GroupWork | None:
        """Read a group. before: the copy that is too old; another one that is there by then is taken instead."""
        with self._lock:
            mine = self._reading.setdefault(key, threading.Lock())
        with mine:
            with self._lock:
                kept = self._groups.get(key)
            if kept is not None and kept is not before:
                return kept
            with self._lock:
                self._meanwhile[key] = {}
            try:
                found = self._read_group(key)
            finally:
                with self._lock:
                    changed = self._meanwhile.pop(key)
                    if before is None and kept is None:
                        self._reading.pop(key, None)
            if found is not None:
                self._keep(key, found, changed)
            return found

    def _read_group(self, key: tuple[str, str]) -> GroupWork | None:
        began_s = self._clock()
        group = self._registry.group(*key)
        if group is None or group.kind != "pages":
            return None
        pages = frozenset(group.pages)
        works = tuple(work for template in self.templates if (work := self._work(template, pages)).with_value)
        return GroupWork(works, pages, began_s, self._clock() - began_s)

    def _keep(self, key: tuple[str, str], found: GroupWork, changed: dict[FieldPlace, ReviewedField]) -> None:
        with self._lock:
            for field, reviewed in changed.items():
                if (work := found.with_field(field)) is not None:
                    work.update(field, reviewed)
            self._groups[key] = found
            self._groups.move_to_end(key)
            while len(self._groups) > 1 and (
                len(self._groups) > MAX_GROUPS or sum(each.fields for each in self._groups.values()) > MAX_FIELDS
            ):
                self._reading.pop(self._groups.popitem(last=False)[0], None)

    def _work(self, template: Template, pages: frozenset[str]) -> OpenWork:
        mine = frozenset(page for page in pages if page.rpartition(":")[2].startswith(f"{template.form}."))
        return OpenWork.read(template, self.sample, mine, self.pages, self.review)
