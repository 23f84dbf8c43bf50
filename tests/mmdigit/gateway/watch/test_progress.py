"""Progress: the newest groups of a tenant, and what is not looked at again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from mmdigit.forms.store.ports import Change, NewChange, StoredValue
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.layout import slots_of
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.publishing import BatchPublisher
from mmdigit.gateway.registry.ports import StoredGroup, number_of
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.watch import progress
from mmdigit.gateway.watch.progress import Progress
from mmdigit.reading.error_bounds import error_bound
from mmdigit.transport.ports import PredictionStore
from schemas.api import Decisions
from tests.mmdigit.forms.store.kept import fault, form_page
from tests.mmdigit.forms.written import TEMPLATE
from tests.mmdigit.gateway.asgi import Api, api, with_api
from tests.producer.fakes import prediction_of

NOW = datetime(2026, 11, 28, tzinfo=UTC)
UNUSED = cast(BatchPublisher, None)
NO_DESK = cast(ReviewDesk, None)


def put_batch(api: Api, name: str, jobs: int, tenant: str = "") -> None:
    group = StoredGroup(tenant, name, "jobs", 0, NOW)
    api.services.registry.put_group(group, [number_of(f"{name}.{number}") for number in range(jobs)])


def answered(api: Api, group: str, *numbers: int) -> None:
    api.store.put([prediction_of(f"{group}.{number}", group=group) for number in numbers])


def looking(folder: Path, test: Callable[[Api, Progress], Awaitable[None]]) -> None:
    async def run(api: Api) -> None:
        await test(api, Progress(api.services, ""))

    with_api(folder, run)


def test_groups_are_the_tenants_newest_first(tmp_path: Path) -> None:
    async def test(api: Api, found: Progress) -> None:
        assert await found.look() == ((), False)
        for name in ("a", "b"):
            put_batch(api, name, 2)
        put_batch(api, "theirs", 1, "acme")
        answered(api, "a", 0, 1)
        answered(api, "b", 0)
        groups, more = await found.look()
        assert [(each.group, each.done, each.finished, each.submitted) for each in groups] == [
            ("b", 1, False, 2), ("a", 2, True, 2)
        ]  # fmt: skip
        assert groups[1].decisions == Decisions(review=2, counted=2)
        assert not more

    looking(tmp_path, test)


def test_only_the_newest_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "MAX_GROUPS", 2)

    async def test(api: Api, found: Progress) -> None:
        for name in ("a", "b", "c"):
            put_batch(api, name, 1)
        groups, more = await found.look()
        assert ([each.group for each in groups], more) == (["c", "b"], True)

    looking(tmp_path, test)


def test_finished_groups_are_counted_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(api: Api, found: Progress) -> None:
        for name in ("a", "b", "c", "open"):
            put_batch(api, name, 1)
            if name != "open":
                answered(api, name, 0)
        await found.look()
        asked: list[str] = []
        count = api.services.tallies.count

        def counted(store: PredictionStore, group: str) -> Decisions:
            asked.append(group)
            return count(store, group)

        monkeypatch.setattr(api.services.tallies, "count", counted)
        for _ in range(4):
            await found.look()
        assert sorted(asked) == ["a", "b", "c", *["open"] * 4]
        put_batch(api, "a", 2)  # it grows
        [*_, grown] = (await found.look())[0]
        assert (grown.submitted, grown.finished) == (2, False)

    looking(tmp_path, test)


def test_look_that_took_long_counts_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "COUNT_FOR_S", 0.0)

    async def test(api: Api, found: Progress) -> None:
        put_batch(api, "a", 2)
        answered(api, "a", 0)
        api.services.tallies.count(api.store, "a")
        answered(api, "a", 1)
        [group] = (await found.look())[0]
        assert (group.done, group.decisions.counted) == (2, 1)

    looking(tmp_path, test)


def test_group_of_pages_has_fields_and_sampled_error(tmp_path: Path) -> None:
    first, second, *rest = [slot.name for slot in slots_of(TEMPLATE, 0)]
    pages = ("INTK.1", "INTK.2", "INTK.4")

    async def look_at_pages(api: Api) -> None:
        now_s = 0.0
        found = Progress(api.services, "", lambda: now_s)
        group = StoredGroup("", "stack", "pages", 0, NOW, pages)
        api.services.registry.put_group(group, [number_of(page) for page in pages])
        forms = api.services.forms
        assert forms is not None
        forms.store.put_pages([form_page(1), form_page(2), form_page(3), fault(4, template=TEMPLATE.digest)])
        values = [StoredValue(first, "7", "review", ("low_confidence",), None, "m")]
        values += [StoredValue(name, "1", "accept", (), 0.9, "m") for name in (second, *rest)]
        forms.store.put_values({f"INTK.{number}": values for number in (1, 2, 3)})
        [status] = (await found.look())[0]
        assert (status.kind, status.done, status.dead, status.finished, status.sampled) == ("pages", 2, 1, True, None)
        assert (status.decisions.accept, status.decisions.review) == (2 * len(values) - 2, 2)

        control = [(1, second, "1"), (2, second, "2"), (3, second, "2")]  # the last one is of another group
        forms.store.put_changes(
            [NewChange(f"INTK.{page}", name, Change("control", text, "Ada", NOW, 0.5)) for page, name, text in control]
        )
        assert (await found.look())[0][0].sampled is None  # the last look was just before
        now_s = progress.SAMPLED_EVERY_S
        sampled = (await found.look())[0][0].sampled
        assert sampled is not None
        assert (sampled.keyed, sampled.wrong, sampled.unconfirmed) == (2, 1, 1)
        assert sampled.bound == pytest.approx(error_bound(1, 2))
        assert sampled.target == pytest.approx(0.0014)

    async def with_forms() -> None:
        with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as store, Decoders(0) as decoders:
            async with api(tmp_path, forms=Forms(UNUSED, (TEMPLATE,), store, decoders, NO_DESK)) as opened:
                await look_at_pages(opened)

    asyncio.run(with_forms())
