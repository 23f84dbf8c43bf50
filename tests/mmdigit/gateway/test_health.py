"""GatewayHealth: what each port's state makes of readiness, and that an idle gateway notices."""

import asyncio
from pathlib import Path

from mmdigit.gateway.health import GatewayHealth
from schemas.errors import StoreError
from tests.mmdigit.gateway.asgi import Api, with_api


def test_ready_names_what_is_away_and_no_more(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        services = api.services
        health = GatewayHealth(services.publisher, services.feed, services.reader, services.stopping)
        assert health.ready() == (True, "ready")
        services.publisher.waiting_for = "kafka-1.internal is away"
        assert health.ready() == (False, "waiting for the topic of jobs")
        services.reader.waiting_for = "redis-1.internal is away"
        assert health.ready() == (False, "waiting for the topic of jobs and the store")
        assert health.alive() == (True, "alive")
        services.publisher.waiting_for = services.reader.waiting_for = ""
        services.stopping.set()
        assert health.ready() == (False, "stopping")

    with_api(tmp_path, test)


def test_topic_that_is_away_is_noticed_without_a_request(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        jobs = tmp_path / "jobs.db"
        jobs.write_bytes(b"not a database" * 100)
        await asyncio.to_thread(api.services.publisher.look)
        assert not api.services.health.ready().ok
        jobs.unlink()
        await asyncio.to_thread(api.services.publisher.look)
        assert api.services.health.ready().ok

    with_api(tmp_path, test)


def test_store_that_fails_is_told_until_it_works(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        def fail(_store: object) -> None:
            raise StoreError("away")

        try:
            await api.services.reader.read(fail)
        except StoreError:
            assert api.services.health.ready() == (False, "waiting for the store")
        await api.services.reader.read(lambda store: store.feed_end())
        assert api.services.health.ready().ok

    with_api(tmp_path, test)
