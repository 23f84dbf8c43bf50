"""How it is going, as server-sent events: who sees what, and when."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from schemas.watch import WatchStatus
from tests.factories import make_prediction
from tests.mmdigit.gateway.routes.test_events import events, submit
from tests.mmdigit.gateway.served import Served, served

PATH = "/v1/watch/events"


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, login=True, max_streams=2) as gateway:
        yield gateway


def statuses(stream: httpx.Response) -> Iterator[WatchStatus]:
    assert stream.status_code == 200
    for event in events(stream):
        assert event["event"] == "status"
        yield WatchStatus.model_validate_json(event["data"])


def test_stream_tells_groups_until_they_are_finished(gateway: Served) -> None:
    with gateway.client(headers=gateway.token("")) as client, client.stream("GET", PATH) as stream:
        told = statuses(stream)
        assert next(told).groups == ()
        submit(client, 2)
        group = next(status.groups[0] for status in told if status.groups)
        assert (group.group, group.submitted, group.done, group.finished) == ("g", 2, 0, False)
        gateway.store.put([make_prediction(0), make_prediction(1)])
        last = next(status for status in told if status.groups[0].finished)
        assert last.groups[0].decisions.accept == 2


def test_stream_tells_that_it_is_current(gateway: Served) -> None:
    with gateway.client(headers=gateway.token("")) as client, client.stream("GET", PATH) as stream:
        told = statuses(stream)
        first, second = next(told), next(told)  # nothing has changed
        assert 4 <= (second.at - first.at).total_seconds() < 30


def test_watching_needs_the_scope_and_counts_as_a_stream(gateway: Served) -> None:
    headers = gateway.token("", "read")
    with gateway.client() as client:
        assert client.get(PATH).status_code == 401
        assert client.get(PATH, headers=gateway.token("", "submit")).status_code == 403
        with (
            client.stream("GET", PATH, headers=headers) as one,
            client.stream("GET", PATH, headers=headers) as two,
        ):
            assert (one.status_code, two.status_code) == (200, 200)
            assert client.get(PATH, headers=headers).status_code == 429


def test_tenants_see_nothing_of_each_other(gateway: Served) -> None:
    with gateway.client(headers=gateway.token("acme")) as client:
        submit(client, 1)
        with client.stream("GET", PATH) as stream:
            assert [group.group for group in next(statuses(stream)).groups] == ["g"]
    for other in ("", "acm", "acme2"):
        with gateway.client(headers=gateway.token(other)) as client, client.stream("GET", PATH) as stream:
            assert next(statuses(stream)).groups == ()
