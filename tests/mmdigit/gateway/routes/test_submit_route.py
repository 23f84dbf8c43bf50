"""The route of a submission takes what FastAPI takes, and refuses what it refuses."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient
from starlette.requests import Request
from starlette.responses import Response

from mmdigit.gateway.access.requiring import Submitter
from mmdigit.gateway.intake.ids import MAX_KEY_CHARACTERS, IdempotencyKey
from mmdigit.gateway.routes.submit_route import SubmitRoute, Wait
from mmdigit.gateway.services import UseServices
from tests.mmdigit.gateway.asgi import Api, with_api

QUERIES = ("", "?wait=0", "?wait=2", "?wait=2.5", "?wait=30", "?wait=31", "?wait=30.1", "?wait=-1", "?wait=x", "?wait=")
ODD_QUERIES = ("?wait=1e1", "?wait=+2", "?wait=%32", "?wait=1&wait=2", "?other=1", "?wait=99999", "?wait=nan")
KEYS = (None, "a", "a" * MAX_KEY_CHARACTERS, "a" * (MAX_KEY_CHARACTERS + 1), "", "two words", "a\tb", "!~")


async def echo(
    request: Request,
    services: UseServices,
    principal: Submitter,
    wait: Wait = 0.0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What the operation would see."""
    return Response(f"{wait!r} {idempotency_key!r} {principal.subject} {services.max_backlog_s}")


@pytest.mark.parametrize("query", [*QUERIES, *ODD_QUERIES])
def test_queries_are_read_as_by_fastapi(query: str, tmp_path: Path) -> None:
    ours, theirs = both_answers(tmp_path, query, {})
    assert ours == theirs


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_read_as_by_fastapi(key: str | None, tmp_path: Path) -> None:
    ours, theirs = both_answers(tmp_path, "", {} if key is None else {"Idempotency-Key": key})
    assert ours == theirs


def test_usual_parameters_reach_the_operation(tmp_path: Path) -> None:
    ours, _ = both_answers(tmp_path, "?wait=2.5", {"Idempotency-Key": "k"})
    assert ours == (200, "2.5 'k' loopback 60.0")


def both_answers(folder: Path, query: str, headers: Mapping[str, str]) -> list[tuple[int, str]]:
    """Status and text of the answer by SubmitRoute, and of that by FastAPI's own route."""

    async def ask(api: Api) -> list[tuple[int, str]]:
        return [await answer(api, route) for route in (SubmitRoute, APIRoute)]

    async def answer(api: Api, route: type[APIRoute]) -> tuple[int, str]:
        app = FastAPI()
        app.state.services, app.state.entrance = api.services, api.services.entrance
        router = APIRouter(route_class=route)
        router.post("/")(echo)
        app.include_router(router)
        async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
            response = await client.post(f"/{query}", headers=dict(headers))
        return response.status_code, response.text

    return with_api(folder, ask)
