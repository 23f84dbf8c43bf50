"""How far a group is, and its outcomes page by page."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.routes.groups import status_of_jobs
from mmdigit.transport.ports import GroupCounts
from schemas.api import Decisions
from tests.factories import make_dead_letter
from tests.mmdigit.gateway.served import Served, served
from tests.producer.fakes import prediction_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as gateway:
        yield gateway


def submitted(jobs: int) -> StoredGroup:
    return StoredGroup("", "g", "jobs", jobs, NOW - timedelta(seconds=30))


def test_time_left_follows_from_the_rate_so_far() -> None:
    status = status_of_jobs("g", submitted(100), GroupCounts(done=20, dead=10), Decisions(), NOW)
    assert (status.left_s, status.finished, status.submitted) == (70.0, False, 100)


@pytest.mark.parametrize(("done", "dead"), [(9, 1), (10, 0), (12, 0)])
def test_group_is_finished_once_all_have_outcomes(done: int, dead: int) -> None:
    status = status_of_jobs("g", submitted(10), GroupCounts(done, dead), Decisions(), NOW)
    assert (status.finished, status.left_s) == (True, None)


def test_group_of_unknown_size_is_never_finished() -> None:
    status = status_of_jobs("g", None, GroupCounts(done=5, dead=0), Decisions(), NOW)
    assert (status.finished, status.submitted, status.left_s) == (False, None, None)


def test_status_counts_decisions_and_dead_letters(gateway: Served) -> None:
    answers = [prediction_of(f"j{number}", group="g", decision="accept", reasons=()) for number in range(3)]
    gateway.store.put([*answers, prediction_of("r", group="g", decision="review", reasons=("conflict",))])
    gateway.store.put_dead_letters([make_dead_letter()])
    with gateway.client() as client:
        status = client.get("/v1/groups/g").json()
    assert (status["done"], status["dead"]) == (4, 1)
    assert status["decisions"] == {"accept": 3, "review": 1, "counted": 5}


def test_outcomes_come_page_by_page(gateway: Served) -> None:
    gateway.store.put([prediction_of(f"j{number}", group="g") for number in range(5)])
    found, after = [], ""
    with gateway.client() as client:
        while page := client.get("/v1/groups/g/predictions", params={"after": after, "limit": 2}).json():
            assert len(page["outcomes"]) <= 2
            if not page["outcomes"]:
                break
            found += [outcome["job_id"] for outcome in page["outcomes"]]
            after = page["next"]
        assert page["next"] == after
    assert found == [f"j{number}" for number in range(5)]


def test_groups_are_listed_newest_first(gateway: Served) -> None:
    with gateway.client() as client:
        for name in ("first", "second", "third"):
            line = b'{"image": "aW1hZ2U="}'
            client.post(f"/v1/batches?group={name}", content=line, headers={"Content-Type": "application/x-ndjson"})
        assert client.get("/v1/groups?limit=2").json() == {"groups": ["third", "second"]}
        assert client.get("/v1/groups?before=second").json() == {"groups": ["first"]}


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/v1/groups/unknown", 404, "expected a group"),
        ("/v1/groups/unknown/predictions", 404, "expected a group"),
        ("/v1/groups/unknown/pages", 404, "expected a group of scanned pages"),
        ("/v1/groups/g/predictions?after=nonsense", 422, "after"),
        ("/v1/groups/g/predictions?limit=0", 422, "limit"),
        ("/v1/groups/-", 422, "group"),
    ],
)
def test_problems_say_what_was_expected(gateway: Served, path: str, status: int, word: str) -> None:
    with gateway.client() as client:
        response = client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert word in response.json()["detail"]


def test_jobs_of_other_producers_break_no_answer(gateway: Served) -> None:
    gateway.store.put(
        [prediction_of("form:1", group="g"), prediction_of("a", group="g"), prediction_of("b", group="x:y")]
    )
    with gateway.client() as client:
        page = client.get("/v1/groups/g/predictions").json()
        table = client.get("/v1/export/g.csv").text
        single = client.get("/v1/predictions/b").json()
    assert [outcome["job_id"] for outcome in page["outcomes"]] == ["a"]
    assert "form:1" not in table
    assert ("group" in single, single["job_id"]) == (False, "b")


def test_paths_with_a_slash_at_the_end_lead_nowhere(gateway: Served) -> None:
    with gateway.client() as client:
        assert client.get("/v1/groups/").status_code == 404
