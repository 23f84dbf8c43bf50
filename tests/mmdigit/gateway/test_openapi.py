"""The OpenAPI document, and whether a gateway does what it says: schemathesis on a real one, with seeded requests."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

import mmdigit
from mmdigit.forms.template.parsing import example
from mmdigit.gateway.access.entrance import MAX_HELD_BYTES
from mmdigit.gateway.intake import batch, scans, zipped
from mmdigit.gateway.openapi import PROBLEMS
from mmdigit.gateway.routes.submit_route import MAX_WAIT_S
from mmdigit.gateway.settings import GatewaySettings
from schemas.identifiers import MAX_ID_CHARACTERS
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, MAX_RECORD_BYTES
from tests.mmdigit.gateway.processes import Gateway, gateway

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


OPERATIONS = (
    *("submit_job", "submit_batch", "submit_pages", "get_prediction", "list_groups", "get_group"),
    *("get_group_predictions", "get_group_pages", "follow_group", "export_group", "watch"),
    *("list_review_groups", "claim_fields", "renew_claim", "release_claim", "put_keys", "get_field_history"),
    "get_field_sound",
)
MAX_EXAMPLES = 15


@schemathesis.serializer(
    *("application/x-ndjson", "application/jsonl", "application/zip"),
    *("application/pdf", "image/tiff", "image/png", "image/jpeg"),
)
def as_it_is(_context: Any, value: Any) -> bytes:
    """A file."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "form.yaml").write_bytes(example())
    forms = ["--pages", f"sqlite:///{folder / 'queue.db'}?topic=pages", "--forms", f"sqlite:///{folder / 'forms.db'}"]
    template = ["--template", str(folder / "form.yaml")]
    with gateway(folder, "--max-backlog-s", "86400", *forms, *template) as running:
        yield running


@pytest.fixture(scope="module")
def document(api: Gateway) -> dict[str, Any]:
    return dict(httpx.get(f"{api.url}/openapi.json", trust_env=False).json())


@pytest.mark.parametrize(
    ("name", "mode"),
    # Without a parameter, no request is wrong.
    [(name, mode) for name in OPERATIONS for mode in GenerationMode if name != "watch" or mode.value == "positive"],
)
def test_operation_answers_as_documented(
    api: Gateway, document: dict[str, Any], name: str, mode: GenerationMode
) -> None:
    """Requests that the document allows, and others."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=api.url)
    cases = schema.find_operation_by_id(name).as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(max_examples=MAX_EXAMPLES, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        if case.query.get("wait") not in (None, "", 0):
            case.query["wait"] = 0.01 if mode is GenerationMode.POSITIVE else 31  # nobody works on the jobs
        if name in ("follow_group", "watch"):
            check_stream(case)
        else:
            case.call_and_validate(checks=CHECKS)

    check()


def check_stream(case: Any) -> None:
    """Its status and media type, since it does not end."""
    with requests.Session() as session:
        session.trust_env = False
        with session.request(**case.as_transport_kwargs(), stream=True, timeout=30) as answer:
            kind = answer.headers["content-type"].partition(";")[0]
            problem = answer.status_code in PROBLEMS and answer.status_code < 500
            assert kind == ("application/problem+json" if problem else "text/event-stream")
            assert problem or answer.status_code == 200


def test_operations_are_all_tested(document: dict[str, Any]) -> None:
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert named == set(OPERATIONS)


def test_every_operation_documents_every_problem(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 9
    for operation in operations:
        assert operation["summary"]
        for status in PROBLEMS:
            assert list(operation["responses"][str(status)]["content"]) == ["application/problem+json"]
        assert "default" not in operation["responses"]


def rows_of(heading: str) -> dict[str, str]:
    """The second cell of each row of a section's table in docs/use/api.md, by the first."""
    page = (Path(__file__).parents[3] / "docs" / "use" / "api.md").read_text()
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section, re.MULTILINE))


def test_page_explains_every_status() -> None:
    rows = rows_of("Errors")
    assert {int(status) for status in rows if status.isdigit()} == {*PROBLEMS, 405}  # an operation has no 405


def test_page_has_the_limits() -> None:
    defaults = {name: field.default for name, field in GatewaySettings.model_fields.items()}
    assert MAX_IMAGE_BYTES == MAX_AUDIO_BYTES
    assert batch.MAX_REJECTIONS == scans.MAX_REJECTIONS
    limits = {
        "image, clip": _mib(MAX_IMAGE_BYTES),
        "body of a job": _mib(MAX_RECORD_BYTES),
        "batch as JSON Lines": f"{_mib(defaults['max_batch_bytes'])} (`--max-batch-bytes`), {batch.MAX_JOBS:,} jobs",
        "zip": f"{_mib(zipped.MAX_ZIP_BYTES)}, {zipped.MAX_ROWS:,} rows",
        "scan": _mib(scans.MAX_SCAN_BYTES),
        "rejections": f"the first {batch.MAX_REJECTIONS} are shown; a batch ends with the {batch.MAX_REJECTED + 1:,}st",
        "bodies on their way with one token": _mib(MAX_HELD_BYTES),
        "`wait`": f"{MAX_WAIT_S:g} s",
        "requests a second of one token": f"{defaults['max_requests_per_s']:,g} ",
        "open event streams of one token": f"{defaults['max_streams']} ",
        "how long a job may wait before new ones get 429": f"{defaults['max_backlog_s']:g} s",
        "name of a group or job": f"{MAX_ID_CHARACTERS} characters",
    }
    rows = rows_of("Limits")
    assert {name: limit for name, limit in limits.items() if not rows.get(name, "").startswith(limit)} == {}


def _mib(size_bytes: int) -> str:
    return f"{size_bytes // 1024**2} MiB"


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= named
    assert {"#/components/schemas/JobSubmission", "#/components/schemas/ProblemDetails"} <= named


def test_example_is_a_job_that_the_model_reads(document: dict[str, Any], api: Gateway) -> None:
    example = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert httpx.post(f"{api.url}/v1/jobs", json=example, trust_env=False).status_code == 202
    answer = mmdigit.load().predict(image=base64.b64decode(example["image"]))
    assert (answer.label, answer.decision) == (example["expected"], "accept")
