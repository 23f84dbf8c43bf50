"""POST /v1/jobs on a real queue and store, with a stand-in for the worker."""

import asyncio
import base64
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from mmdigit.gateway.routes.submit_route import MAX_WAIT_S
from schemas.errors import StoreError
from tests.factories import CREATED_AT, make_prediction
from tests.mmdigit.gateway.asgi import Api, eventually, with_api

IMAGE, AUDIO = bytes(784), b"RIFF"
FILES = {"image": ("4.png", IMAGE), "audio": ("4.wav", AUDIO)}
AS_JSON = {"image": base64.b64encode(IMAGE).decode(), "audio": base64.b64encode(AUDIO).decode()}


def problem(answer: httpx.Response, status: HTTPStatus) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    return str(answer.json()["detail"])


@pytest.mark.parametrize("how", ["json", "form"])
def test_job_is_on_the_topic_once_it_is_accepted(tmp_path: Path, how: str) -> None:
    async def test(api: Api) -> None:
        fields: dict[str, Any] = {"job_id": "a", "group": "g", "expected": 4}
        sent = {"json": AS_JSON | fields} if how == "json" else {"files": FILES, "data": fields}
        answer = await api.client.post("/v1/jobs", **sent)
        assert (answer.status_code, answer.headers["location"]) == (202, "/v1/predictions/a")
        assert answer.json() == {"job_id": "a", "group": "g", "state": "pending"}
        [job] = api.jobs()
        assert (job.job_id, job.group, job.image, job.audio, job.expected) == ("a", "g", IMAGE, AUDIO, 4)
        assert job.created_at > CREATED_AT
        assert (await api.client.get(answer.headers["location"])).status_code == 404
        api.work()
        assert (await api.client.get(answer.headers["location"])).json()["state"] == "done"

    with_api(tmp_path, test)


@pytest.mark.parametrize("dead", [False, True])
def test_wait_brings_the_outcome(tmp_path: Path, dead: bool) -> None:
    async def test(api: Api) -> None:
        asked = asyncio.create_task(api.client.post("/v1/jobs?wait=30", files=FILES, data={"group": "g"}))
        await eventually(lambda: api.metric("jobs_published_total"))
        assert api.services.feed.waiters == 1
        await asyncio.to_thread(api.work, dead=dead)
        answer = await asked
        said = answer.json()
        assert (answer.status_code, said["state"], said["group"]) == (200, "dead" if dead else "done", "g")
        assert said["reason"] == "invalid_image" if dead else said["prediction"]["label"] == 0
        assert api.services.feed.waiters == 0
        assert api.metric("request_seconds_count", operation="/v1/jobs", wait="yes") == 1

    with_api(tmp_path, test)


def test_wait_without_an_outcome_in_time_is_202(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        answer = await api.client.post("/v1/jobs?wait=0.01", files=FILES)
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")

    with_api(tmp_path, test)


@pytest.mark.parametrize("wait", ["-1", str(MAX_WAIT_S + 1), "nan", "inf", "x"])
def test_wait_out_of_range_gets_422(tmp_path: Path, wait: str) -> None:
    async def test(api: Api) -> None:
        assert "wait" in problem(await api.client.post(f"/v1/jobs?wait={wait}", files=FILES), HTTPStatus(422))
        assert api.jobs() == []

    with_api(tmp_path, test)


def test_key_leads_to_the_same_job_for_the_same_body(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        async def submit(key: str, image: bytes) -> str:
            answer = await api.client.post("/v1/jobs", files={"image": image}, headers={"Idempotency-Key": key})
            return str(answer.json()["job_id"])

        first = await submit("k", IMAGE)
        assert await submit("k", IMAGE) == first
        others = {await submit("k", IMAGE + b"x"), await submit("l", IMAGE)}
        assert len({first, *others}) == 3
        assert sorted(job.job_id for job in api.jobs()) == sorted([first, first, *others])

    with_api(tmp_path, test)


def test_key_of_an_answered_job_brings_its_answer(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        await api.client.post("/v1/jobs", files=FILES, headers=headers)
        api.work()
        answer = await api.client.post("/v1/jobs?wait=30", files=FILES, headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (200, "done")
        assert len(api.jobs()) == 1

    with_api(tmp_path, test)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_key_that_is_none_gets_422(tmp_path: Path, key: str) -> None:
    async def test(api: Api) -> None:
        answer = await api.client.post("/v1/jobs", files=FILES, headers={"Idempotency-Key": key})
        assert "idempotency" in problem(answer, HTTPStatus(422)).lower()

    with_api(tmp_path, test)


def test_random_ids_differ(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        answers = await asyncio.gather(*(api.client.post("/v1/jobs", files=FILES) for _ in range(20)))
        ids = [answer.json()["job_id"] for answer in answers]
        assert len(set(ids)) == 20
        assert sorted(job.job_id for job in api.jobs()) == sorted(ids)

    with_api(tmp_path, test)


def test_requests_that_are_no_job_get_4xx(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        problem(await api.client.post("/v1/jobs", content=b"{}"), HTTPStatus(415))
        problem(await api.client.post("/v1/jobs", json={}), HTTPStatus(422))
        problem(await api.client.post("/v1/jobs", json=AS_JSON | {"job_id": "a:b"}), HTTPStatus(422))
        problem(await api.client.post("/v1/jobs", content=bytes(7_000_000)), HTTPStatus(413))
        problem(await api.client.put("/v1/jobs"), HTTPStatus(405))
        assert api.jobs() == []

    with_api(tmp_path, test)


def test_backlog_gets_429_with_the_time_to_wait(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        await api.client.post("/v1/jobs", files=FILES)
        await eventually(lambda: api.services.backlog.seconds > 0.05)
        answer = await api.client.post("/v1/jobs", files=FILES)
        assert "later" in problem(answer, HTTPStatus(429))
        assert int(answer.headers["retry-after"]) == 1
        assert api.metric("refused_total", reason="backlog") == 1
        assert len(api.jobs()) == 1
        api.work()
        await api.services.reader.read(api.services.backlog.look)
        assert (await api.client.post("/v1/jobs", files=FILES)).status_code == 202

    with_api(tmp_path, test, max_backlog_s=0.05)


def test_topic_that_is_away_gets_503(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        (tmp_path / "jobs.db").mkdir()
        answer = await api.client.post("/v1/jobs", files=FILES)
        assert "send the request again later" in problem(answer, HTTPStatus(503))
        assert (answer.headers["retry-after"], str(tmp_path) in answer.text) == ("5", False)
        assert not api.services.health.ready().ok
        assert api.metric("topic_errors_total") == 1
        (tmp_path / "jobs.db").rmdir()
        assert (await api.client.post("/v1/jobs", files=FILES)).status_code == 202
        assert api.services.health.ready().ok

    with_api(tmp_path, test)


def test_store_that_is_away_gets_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(api: Api) -> None:
        def fail(*_arguments: object) -> None:
            raise StoreError("redis-1.internal is away")

        monkeypatch.setattr(type(api.store), "get", fail)
        answer = await api.client.post("/v1/jobs", files=FILES, headers={"Idempotency-Key": "k"})
        assert "internal" not in problem(answer, HTTPStatus(503))

    with_api(tmp_path, test)


def test_prediction_of_an_earlier_job_answers_a_wait(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        api.store.put([make_prediction(3)])
        answer = await api.client.post("/v1/jobs?wait=30", files=FILES, data={"job_id": "job-3"})
        assert answer.json()["prediction"]["label"] == 3

    with_api(tmp_path, test)
