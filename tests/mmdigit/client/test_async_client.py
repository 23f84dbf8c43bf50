"""AsyncClient: what it sends again, how it follows; that it has every operation of the API."""

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mmdigit.client import ApiError, AsyncClient, Client, JobStatus, submission
from schemas.api import OutcomePage
from schemas.errors import SettingsError
from schemas.watch import AnswerPace, WatchStatus
from tests.mmdigit.client.gateway_process import GatewayProcess

PROBLEM = b'{"title": "Service Unavailable", "status": 503, "detail": "expected a store, got none"}'
DONE = b'{"job_id": "a", "state": "dead", "reason": "invalid_image", "later_field": 1}'
Answer = tuple[int, dict[str, str], bytes]


class Scripted:
    """A server that gives these answers one after the other, and keeps the requests. None: the connection breaks."""

    def __init__(self, *answers: Answer | None) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def client(self, **options: Any) -> AsyncClient:
        return AsyncClient("http://gateway", "secret", transport=httpx.MockTransport(self._answer), **options)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self._answers.pop(0)
        if answer is None:
            raise httpx.ReadError("connection reset")
        return httpx.Response(answer[0], headers=answer[1], content=answer[2])


def run(client: AsyncClient, call: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async def called() -> Any:
        async with client:
            return await call(client)

    return asyncio.run(called())


def soon(status: int) -> Answer:
    return status, {"Retry-After": "0"}, PROBLEM


def test_submission_is_sent_again_under_the_same_key() -> None:
    server = Scripted(soon(429), None, soon(503), (502, {"Retry-After": "0"}, b"<html>"), (202, {}, DONE))
    found = run(server.client(), lambda client: client.submit_job(b"image", group="g", wait=2))
    assert found == JobStatus(job_id="a", state="dead", reason="invalid_image")
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1
    assert {request.content for request in server.requests} == {b'{"image":"aW1hZ2U=","group":"g"}'}
    assert {str(request.url) for request in server.requests} == {"http://gateway/v1/jobs?wait=2"}
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


def test_submissions_have_keys_of_their_own() -> None:
    server = Scripted((202, {}, DONE), (202, {}, DONE), (202, {}, DONE))

    async def submit(client: AsyncClient) -> None:
        await client.submit_job(b"image")
        await client.submit_job(b"image")
        await client.submit_job(b"image", idempotency_key="mine")

    run(server.client(), submit)
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_batch_is_sent_again_whole() -> None:
    receipt = b'{"group": "g", "accepted": 2, "rejected": 0}'
    server = Scripted(soon(503), (202, {}, receipt))
    jobs = (submission(bytes([n]), job_id=f"a-{n}") for n in range(2))  # a generator gives them once
    assert run(server.client(), lambda client: client.submit_batch(jobs, group="g")).accepted == 2
    first, second = server.requests
    assert first.content == second.content == b'{"image":"AA==","job_id":"a-0"}\n{"image":"AQ==","job_id":"a-1"}\n'
    assert first.headers["Content-Length"] == str(len(first.content))


def test_scan_is_sent_again_whole(tmp_path: Path) -> None:
    (tmp_path / "stack.pdf").write_bytes(b"%PDF-1.7")
    server = Scripted(soon(503), (202, {}, b'{"group": "g", "accepted": 1, "rejected": 0}'))
    receipt = run(server.client(), lambda client: client.submit_pages("a/b", tmp_path / "stack.pdf", group="g"))
    assert receipt.accepted == 1
    for request in server.requests:
        assert str(request.url) == "http://gateway/v1/forms/a%2Fb/pages?group=g"
        assert (
            b'name="scan"; filename="stack.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\r\n' in request.content
        )
    assert len(server.requests) == 2


def test_recordings_are_sent_beside_their_scan(tmp_path: Path) -> None:
    for name in ("page.png", "member.wav", "all.ogg"):
        (tmp_path / name).write_bytes(name.encode())
    server = Scripted((202, {}, b'{"group": "g", "accepted": 1, "rejected": 0}'))
    sounds: dict[str, Any] = {"recording": tmp_path / "all.ogg", "recordings": {"member": str(tmp_path / "member.wav")}}
    run(server.client(), lambda client: client.submit_pages("a", tmp_path / "page.png", **sounds))
    content = server.requests[0].content
    for part, name in (("scan", "page.png"), ("recording.member", "member.wav"), ("recording", "all.ogg")):
        assert f'name="{part}"; filename="{name}"'.encode() in content


def test_refused_request_is_sent_once() -> None:
    server = Scripted((422, {}, PROBLEM.replace(b"503", b"422")))
    with pytest.raises(ApiError) as raised:
        run(server.client(), lambda client: client.submit_job(b"image"))
    assert raised.value.status == 422
    assert len(server.requests) == 1


def test_longer_pause_than_allowed_is_an_error_at_once() -> None:
    server = Scripted((429, {"Retry-After": "61"}, PROBLEM))
    with pytest.raises(ApiError) as raised:
        run(server.client(), lambda client: client.submit_job(b"image"))
    assert raised.value.retry_after_s == 61


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"job_id": 1}'])
def test_answer_that_is_none_is_an_error(body: bytes) -> None:
    with pytest.raises(ApiError, match="expected an answer of the API"):
        run(Scripted((200, {}, body)).client(), lambda client: client.get_prediction("a"))


def test_redirect_is_an_error_that_keeps_the_token() -> None:
    server = Scripted((302, {"Location": "http://elsewhere/"}, b""))
    with pytest.raises(ApiError, match="302 Found"):
        run(server.client(), lambda client: client.get_prediction("a"))


def test_result_is_asked_for_until_it_is_there() -> None:
    server = Scripted((404, {"Retry-After": "1"}, PROBLEM), (404, {}, PROBLEM), (200, {}, DONE))
    assert run(server.client(), lambda client: client.result("a")).state == "dead"


def test_result_that_does_not_come_is_an_error() -> None:
    with pytest.raises(ApiError) as raised:
        run(Scripted((404, {}, PROBLEM)).client(), lambda client: client.result("a", timeout_s=0))
    assert raised.value.status == 404


def test_outcomes_go_on_after_each_page() -> None:
    pages = [OutcomePage(outcomes=(JobStatus(job_id=f"a-{n}", state="pending"),), next=str(n + 1)) for n in range(2)]
    end = OutcomePage(outcomes=(), next="2")
    server = Scripted(*((200, {}, page.model_dump_json().encode()) for page in [*pages, end]))

    async def names(client: AsyncClient) -> list[str]:
        return [outcome.job_id async for outcome in client.outcomes("g/1")]

    assert run(server.client(), names) == ["a-0", "a-1"]
    assert [request.url.params.get("after") for request in server.requests] == [None, "1", "2"]
    assert server.requests[0].url.raw_path.startswith(b"/v1/groups/g%2F1/predictions?")


def test_follower_goes_on_after_the_last_event() -> None:
    def event(number: int) -> bytes:
        return b'id: %d\nevent: outcome\ndata: {"job_id": "a-%d", "state": "dead"}\n\n' % (number, number)

    server = Scripted(
        None,
        (200, {}, event(1) + event(2) + event(3)[:-2]),  # cut off within an event
        soon(503),
        (200, {}, event(3) + b"event: finished\ndata: {}\n\n" + event(4)),
    )

    async def names(client: AsyncClient) -> list[str]:
        return [outcome.job_id async for outcome in client.follow_group("g", last_event_id="0")]

    assert run(server.client(), names) == ["a-1", "a-2", "a-3"]
    assert [request.headers["Last-Event-ID"] for request in server.requests] == ["0", "0", "2", "2"]


def test_watcher_goes_on_after_a_broken_stream() -> None:
    def event(backlog_s: int) -> bytes:
        status = WatchStatus(
            at=datetime(2026, 11, 28, tzinfo=UTC), pace=AnswerPace(window_s=1, answers=0, per_s=0, review=0),
            backlog_s=backlog_s, max_backlog_s=60,
        )  # fmt: skip
        return f"event: status\ndata: {status.model_dump_json(exclude_none=True)}\n\n".encode()

    server = Scripted(None, (200, {}, b"retry: 1000\n\n" + event(1) + event(2)[:-2]), soon(503), (200, {}, event(3)))

    async def backlogs(client: AsyncClient) -> list[float]:
        found: list[float] = []
        async for status in client.watch():
            found.append(status.backlog_s)
            if len(found) == 2:
                break
        return found

    assert run(server.client(), backlogs) == [1, 3]


def test_export_replaces_the_file_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("before")
    server = Scripted(None, soon(503), (200, {}, b"id\na\n"), (404, {}, PROBLEM))
    assert run(server.client(), lambda client: client.export_group("g", "csv", path)) == path
    assert path.read_text() == "id\na\n"
    with pytest.raises(ApiError):
        run(server.client(), lambda client: client.export_group("h", "csv", path))
    assert [file.name for file in tmp_path.iterdir()] == ["g.csv"]


@pytest.mark.parametrize("url", ["gateway:8000", "ftp://gateway", "", "http://gateway:99999999", "http://[::"])
def test_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected the URL of a gateway"):
        AsyncClient(url)


def test_client_alone_needs_no_server_libraries() -> None:
    heavy = "fastapi, uvicorn, starlette, sqlalchemy, numpy, onnxruntime, cv2, kafka, redis, pyarrow"
    code = f"import sys, mmdigit.client; print([name for name in '{heavy}'.split(', ') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every operation of the API by its id, as the gateway's own OpenAPI document has it."""
    with GatewayProcess(tmp_path_factory.mktemp("openapi")) as gateway:
        document = httpx.get(f"{gateway.url}/openapi.json", trust_env=False).json()
    found = [operation for path in document["paths"].values() for operation in path.values()]
    schemas = document["components"]["schemas"]
    for operation in found:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            content["fields"] = list(schemas.get(name, content["schema"]).get("properties", {}))
    return {operation["operationId"]: operation for operation in found}


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_client_has_every_operation(kind: type, operations: dict[str, dict[str, Any]]) -> None:
    assert operations
    for name, operation in operations.items():
        method = inspect.signature(getattr(kind, name))
        wanted = {re.sub(r"\W", "_", parameter["name"].lower()) for parameter in operation.get("parameters", ())}
        for content in operation.get("requestBody", {}).get("content", {}).values():
            wanted |= set(content["fields"])
        assert wanted <= set(method.parameters), name
        answers = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
        types = {
            content["schema"]["$ref"].rpartition("/")[2]
            for answer in answers
            for content in answer.get("content", {}).values()
            if "$ref" in content["schema"]
        }
        if types:
            assert types == {method.return_annotation.__name__}, name
