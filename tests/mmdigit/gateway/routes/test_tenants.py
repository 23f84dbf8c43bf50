"""Nobody reads another tenant's jobs and groups: each way in is tried with another's token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.prediction import Prediction
from tests.mmdigit.gateway.served import Served, served
from tests.producer.fakes import prediction_of

LINES = {"Content-Type": "application/x-ndjson"}
LINE = b'{"job_id": "seven", "image": "aW1hZ2U="}\n'
WAYS = [
    "/v1/predictions/seven",
    "/v1/groups/forms",
    "/v1/groups/forms/predictions",
    "/v1/groups/forms/events",
    "/v1/export/forms.csv",
    "/v1/export/forms.parquet",
]


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, login=True) as gateway:
        yield gateway


@pytest.fixture(name="theirs")
def with_a_group(gateway: Served) -> dict[str, str]:
    """The headers of a tenant who has a group `forms` of one job `seven`, which is answered."""
    headers = gateway.token("acme")
    with gateway.client(headers=headers) as client:
        assert client.post("/v1/batches?group=forms", content=LINE, headers=LINES).status_code == 202
    [job] = gateway.jobs()
    gateway.store.put([answer(job.job_id, job.group)])
    return headers


def answer(job_id: str, group: str | None) -> Prediction:
    return prediction_of(job_id, 7, group=group)


@pytest.mark.parametrize("way", WAYS)
def test_groups_are_there_for_their_tenant_alone(gateway: Served, theirs: dict[str, str], way: str) -> None:
    with gateway.client() as client:
        assert client.get(way, headers=theirs).status_code == 200
        for other in (gateway.token("acme2"), gateway.token("acm"), gateway.token("")):
            assert client.get(way, headers=other).status_code == 404


@pytest.mark.parametrize("name", ["acme:forms", "acme:seven"])
def test_names_with_a_tenant_lead_to_no_other(gateway: Served, theirs: dict[str, str], name: str) -> None:
    assert theirs
    with gateway.client() as client:
        for headers in (gateway.token(""), gateway.token("beta")):
            for way in WAYS:
                path = way.replace("forms", name).replace("seven", name)
                assert client.get(path, headers=headers).status_code in (404, 422)


def test_lists_hold_nothing_of_others(gateway: Served, theirs: dict[str, str]) -> None:
    assert theirs
    with gateway.client(headers=gateway.token("beta")) as client:
        assert client.get("/v1/groups").json() == {"groups": []}


def test_ids_of_two_tenants_never_meet(gateway: Served, theirs: dict[str, str]) -> None:
    with gateway.client(headers=gateway.token("beta")) as client:
        client.post("/v1/batches?group=forms", content=LINE, headers=LINES)
    first, second = gateway.jobs()
    assert (first.job_id, first.group, second.job_id, second.group) == (
        "acme:seven",
        "acme:forms",
        "beta:seven",
        "beta:forms",
    )
    with gateway.client(headers=theirs) as client:
        status = client.get("/v1/predictions/seven").json()
    assert (status["job_id"], status["group"]) == ("seven", "forms")
    assert (status["prediction"]["job_id"], status["prediction"]["group"]) == ("seven", "forms")
    assert "acme" not in str(status)
