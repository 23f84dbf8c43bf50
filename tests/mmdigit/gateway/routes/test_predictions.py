"""GET /v1/predictions/{job_id} on a real store."""

from pathlib import Path

import pytest

from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.outcomes import status_of
from schemas.prediction import Prediction
from tests.factories import make_dead_letter, make_prediction
from tests.mmdigit.gateway.asgi import Api, with_api


def test_outcome_is_a_prediction_or_a_reason(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        api.store.put([make_prediction(1)])
        api.store.put_dead_letters([make_dead_letter(2)])
        answer = await api.client.get("/v1/predictions/job-1")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        said = answer.json()
        assert (said["job_id"], said["group"], said["state"]) == ("job-1", "g", "done")
        assert Prediction.model_validate_json(answer.text.partition('"prediction":')[2][:-1]) == make_prediction(1)
        dead = (await api.client.get("/v1/predictions/job-2")).json()
        assert dead == {"job_id": "job-2", "state": "dead", "reason": "invalid_image"}

    with_api(tmp_path, test)


def test_job_without_an_outcome_is_404_to_ask_again(tmp_path: Path) -> None:
    async def test(api: Api) -> None:
        answer = await api.client.get("/v1/predictions/none")
        assert (answer.status_code, answer.headers["retry-after"]) == (404, "1")
        assert answer.headers["content-type"] == "application/problem+json"

    with_api(tmp_path, test)


@pytest.mark.parametrize("name", ["-a", "a%20b", "a" * 129, "a:b", "%C3%A4"])
def test_id_that_nobody_may_use_is_422(tmp_path: Path, name: str) -> None:
    async def test(api: Api) -> None:
        assert (await api.client.get(f"/v1/predictions/{name}")).status_code == 422

    with_api(tmp_path, test)


def test_status_shows_a_tenant_its_own_names() -> None:
    team = Principal("team", SCOPES, "x")
    stored = make_prediction(1).model_copy(update={"job_id": "team:job-1", "group": "team:g"})
    status = status_of(team, "team:job-1", stored)
    assert (status.job_id, status.group) == ("job-1", "g")
    assert status.prediction == make_prediction(1)
    assert status_of(team, "team:a", None, "team:g").model_dump(exclude_none=True) == {
        "job_id": "a",
        "group": "g",
        "state": "pending",
    }
