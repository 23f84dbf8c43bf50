"""Server-sent events of a group: every outcome once, on from where a reader was."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories import make_dead_letter, make_prediction
from tests.mmdigit.gateway.served import Served, served

LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, max_streams=2) as gateway:
        yield gateway


def events(stream: httpx.Response) -> Iterator[dict[str, str]]:
    """Each event's fields; comments and the retry time are left out."""
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif fields.pop("retry", None) is None and fields:
            yield fields
            fields = {}


def submit(client: httpx.Client, jobs: int) -> None:
    body = b"".join(b'{"job_id": "job-%d", "image": "aW1hZ2U="}\n' % number for number in range(jobs))
    assert client.post("/v1/batches?group=g", content=body, headers=LINES).json()["accepted"] == jobs


def test_stream_tells_each_outcome_and_the_end(gateway: Served) -> None:
    with gateway.client() as client:
        submit(client, 3)
        gateway.store.put([make_prediction(0)])
        with client.stream("GET", "/v1/groups/g/events") as stream:
            told = events(stream)
            assert '"job_id":"job-0"' in next(told)["data"]
            gateway.store.put([make_prediction(1)])
            assert '"job_id":"job-1"' in next(told)["data"]
            gateway.store.put_dead_letters([make_dead_letter(2)])
            dead = next(told)
            assert ("dead" in dead["data"], dead["event"]) == (True, "outcome")
            last = next(told)
            assert (last["event"], '"finished":true' in last["data"]) == ("finished", True)
            assert next(told, None) is None


def test_stream_resumes_after_the_last_event(gateway: Served) -> None:
    gateway.store.put([make_prediction(number) for number in range(3)])
    with gateway.client() as client:
        with client.stream("GET", "/v1/groups/g/events") as stream:
            first = next(events(stream))
        with client.stream("GET", "/v1/groups/g/events", headers={"Last-Event-ID": first["id"]}) as stream:
            told = events(stream)
            rest = [next(told) for _ in range(2)]
    assert ['"job_id":"job-1"' in rest[0]["data"], '"job_id":"job-2"' in rest[1]["data"]] == [True, True]


def test_open_streams_of_one_caller_are_bounded(gateway: Served) -> None:
    path = "/v1/groups/g/events"
    gateway.store.put([make_prediction(0)])
    with gateway.client() as client:
        with client.stream("GET", path) as one, client.stream("GET", path) as two:
            assert (one.status_code, two.status_code) == (200, 200)
            third = client.get(path)
            assert (third.status_code, third.headers["retry-after"]) == (429, "1")
        with client.stream("GET", path) as stream:
            assert stream.status_code in (200, 429)  # the server may not have noticed yet that the others are closed


def test_stream_of_a_batch_without_jobs_ends(gateway: Served) -> None:
    with gateway.client() as client:
        client.post("/v1/batches?group=g", content=b"{}\n", headers=LINES)
        with client.stream("GET", "/v1/groups/g/events") as stream:
            assert [event["event"] for event in events(stream)] == ["finished"]


def test_stream_of_an_unknown_group_is_a_problem(gateway: Served) -> None:
    with gateway.client() as client:
        assert client.get("/v1/groups/typo/events").status_code == 404


def test_wrong_position_is_refused(gateway: Served) -> None:
    with gateway.client() as client:
        response = client.get("/v1/groups/g/events", headers={"Last-Event-ID": "nonsense"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("Last-Event-ID: expected")
