"""The OpenAPI document says what the operations take and give: schemathesis tries them by it."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mmdigit.gateway.routes.submit_route import MAX_WAIT_S
from tests.mmdigit.gateway.served import served


@pytest.fixture(scope="module", name="document")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with served(tmp_path_factory.mktemp("openapi")) as gateway:
        yield schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")


@schemathesis.serializer("application/x-ndjson", "application/jsonl", "application/zip")
def _bytes(_context: Any, value: Any) -> bytes:
    return bytes(getattr(value, "data", value))


OPERATIONS = (
    *("submit_job", "submit_batch", "submit_pages", "get_prediction", "list_groups"),
    *("get_group", "get_group_predictions", "export_group"),
)  # and follow_group, whose stream has no end


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_as_described(document: Any, name: str) -> None:
    """What a schema cannot say, such as that a position is one of this group, may still be refused."""

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(case=document.find_operation_by_id(name).as_strategy())
    def check(case: Any) -> None:
        if isinstance(wait := case.query.get("wait"), int | float) and 0 < wait <= MAX_WAIT_S:
            case.query["wait"] = 0.01  # nobody answers
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()


def test_every_operation_is_tried(document: Any) -> None:
    described = {each.ok().definition.raw["operationId"] for each in document.get_all_operations()}
    assert described == {*OPERATIONS, "follow_group"}


def test_every_operation_names_its_problems(document: Any) -> None:
    for operations in document.raw_schema["paths"].values():
        for operation in operations.values():
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
            assert "422" not in operation["responses"]


def test_bodies_have_examples(document: Any) -> None:
    bodies = document.raw_schema["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "multipart/form-data"}
    assert "example" in bodies["application/json"]
