"""GET /healthz and /readyz on the port of the API."""

from pathlib import Path

import pytest

from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.entrance import Entrance
from mmdigit.gateway.access.rates import OpenStreams, Rates
from mmdigit.gateway.registry.sql_registry import open_registry
from tests.mmdigit.gateway.asgi import Api, with_api


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_load_balancers_need_neither_login_nor_name(tmp_path: Path, method: str) -> None:
    async def test(api: Api) -> None:
        by_address = {"Host": "10.0.0.7:8000"}
        for path, text in (("/healthz", "alive\n"), ("/readyz", "ready\n")):
            answer = await api.client.request(method, path, headers=by_address)
            assert (answer.status_code, answer.text) == (200, text if method == "GET" else "")
        api.services.publisher.waiting_for = "kafka-1.internal is away"
        answer = await api.client.request(method, "/readyz", headers=by_address)
        assert (answer.status_code, "internal" in answer.text) == (503, False)
        assert (await api.client.request(method, "/healthz", headers=by_address)).status_code == 200
        assert (await api.client.get("/v1/predictions/a")).status_code == 401

    with open_registry(f"sqlite:///{tmp_path / 'tokens.db'}") as registry:
        entrance = Entrance(Authenticator(registry, None), Rates(10, 10), OpenStreams(10, 10))
        with_api(tmp_path, test, entrance=entrance)
