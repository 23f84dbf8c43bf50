"""Watching: one look for all who follow, none while nobody does, and what is stuck."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from mmdigit.gateway.registry.ports import StoredGroup, number_of
from mmdigit.gateway.watch import watching
from mmdigit.gateway.watch.progress import Progress
from mmdigit.gateway.watch.watching import Watching
from schemas.errors import StoreError
from schemas.watch import WatchStatus
from tests.factories import make_prediction
from tests.mmdigit.gateway.asgi import Api, with_api

T = TypeVar("T")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no test waits for the next second."""
    monkeypatch.setattr(watching, "EVERY_S", 0.01)


def put_batch(api: Api, tenant: str = "", jobs: int = 2, at: datetime | None = None) -> None:
    group = StoredGroup(tenant, "g", "jobs", 0, at or datetime.now(UTC))
    api.services.registry.put_group(group, [number_of(str(number)) for number in range(jobs)])


async def until(statuses: AsyncIterator[WatchStatus], look: Callable[[WatchStatus], bool]) -> WatchStatus:
    async for status in statuses:
        if look(status):
            return status
    raise AssertionError("the statuses ended")


def test_answers_and_groups_are_told(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        watched = Watching(api.services)
        put_batch(api)
        statuses = watched.follow("")
        first = await anext(statuses)
        assert (first.pace.answers, first.groups[0].done, first.backlog_s) == (0, 0, 0)
        assert (first.max_backlog_s, first.grafana_url) == (60, "https://grafana.example.com")
        await asyncio.to_thread(api.store.put, [make_prediction(0).model_copy(update={"decision": "review"})])
        seen = await until(statuses, lambda status: status.pace.answers == 1)
        assert seen.pace.review == 1
        assert (await until(statuses, lambda status: status.groups[0].done == 1)).silent_s is not None
        await statuses.aclose()

    with_api(tmp_path, test, grafana_url="https://grafana.example.com")


def test_followers_of_a_tenant_share_the_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []
    look = Progress.look

    async def counted(self: Progress) -> object:
        looks.append(self)
        return await look(self)

    monkeypatch.setattr(Progress, "look", counted)

    async def test(api: Api) -> None:
        watched = Watching(api.services)
        all_of_them = [watched.follow(tenant) for tenant in ("", "", "", "acme")]
        for _ in range(2):
            for statuses in all_of_them:
                await anext(statuses)
        assert len(set(map(id, looks))) == 2  # one of each tenant
        for statuses in all_of_them:
            await statuses.aclose()
        count = len(looks)
        await asyncio.sleep(0.05)
        assert len(looks) == count  # nobody looks any more
        assert not watched._tenants
        assert not api.services.feed._observers

    with_api(tmp_path, test)


def test_tenants_see_their_own_groups(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        put_batch(api, "acme")
        watched = Watching(api.services)
        ours, theirs = watched.follow(""), watched.follow("acme")
        assert (await anext(ours)).groups == ()
        assert [group.group for group in (await anext(theirs)).groups] == ["g"]
        await ours.aclose()
        await theirs.aclose()

    with_api(tmp_path, test)


def test_database_that_is_away_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(api: Api) -> None:
        put_batch(api)
        statuses = Watching(api.services).follow("")
        assert (await anext(statuses)).missing == ()

        def away(*arguments: object) -> None:
            raise StoreError("expected a database, got none")

        with monkeypatch.context() as patched:
            patched.setattr(api.services.registry, "groups", away)
            status = await until(statuses, lambda status: bool(status.missing))
            assert (status.missing, len(status.groups)) == (("database",), 1)
        await until(statuses, lambda status: not status.missing)
        await statuses.aclose()

    with_api(tmp_path, test)


def test_silence_grows_while_work_waits(tmp_path: Path) -> None:
    now_s = 0.0

    async def test(api: Api) -> None:
        nonlocal now_s
        statuses = Watching(api.services, lambda: now_s).follow("")
        assert (await anext(statuses)).silent_s is None
        now_s = 50.0
        put_batch(api)
        await until(statuses, lambda status: status.silent_s == 0)
        now_s = 80.0
        assert (await until(statuses, lambda status: status.silent_s != 0)).silent_s == 30
        await asyncio.to_thread(api.store.put, [make_prediction(0)])
        await until(statuses, lambda status: status.silent_s == 0)
        await asyncio.to_thread(api.store.put, [make_prediction(1)])
        await until(statuses, lambda status: status.silent_s is None)
        await statuses.aclose()

    with_api(tmp_path, test)


def test_old_group_without_its_outcomes_does_not_wait(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        put_batch(api, at=datetime(2026, 1, 1, tzinfo=UTC))
        statuses = Watching(api.services).follow("")
        assert (await anext(statuses)).silent_s is None
        await statuses.aclose()

    with_api(tmp_path, test)


def test_statuses_end_with_the_gateway(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        statuses = Watching(api.services).follow("")
        await anext(statuses)
        api.services.stopping.set()
        assert len([status async for status in statuses]) <= 1

    with_api(tmp_path, test)
