"""Validation: what a parameter must be, what came, and what to do, in words."""

from pathlib import Path

import httpx
import pytest

from mmdigit.gateway.validation import failures_text
from tests.mmdigit.gateway.asgi import Api, with_api

ADVICE = "; change it (/openapi.json describes it)"
LONG = "x" * 129
NAME = "expected 1-128 of A-Z a-z 0-9 . _ - that begin with a letter or digit"


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/v1/groups?limit=0", "limit: expected 1 or more, got '0'"),
        ("GET", "/v1/groups?limit=many", "limit: expected a whole number, got 'many'"),
        ("GET", "/v1/groups/a%20b", f"group: {NAME}, got 'a b'"),
        ("GET", f"/v1/groups/{LONG}", f"group: expected at most 128 characters, got '{'x' * 60}...'"),
        ("GET", "/v1/export/g.xlsx", "kind: expected 'csv' or 'parquet', got 'xlsx'"),
        ("POST", "/v1/jobs?wait=60", "wait: expected 30 or less, got '60'"),
        ("POST", "/v1/jobs?wait=soon", "wait: expected a number, got 'soon'"),
        ("POST", "/v1/batches?group=-", f"group: {NAME}, got '-'"),
    ],
)  # fmt: skip
def test_parameter_is_named_with_what_came(tmp_path: Path, method: str, path: str, said: str) -> None:
    async def send(api: Api) -> httpx.Response:
        return await api.client.request(method, path)

    response = with_api(tmp_path, send)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert response.json()["detail"] == said + ADVICE


def test_idempotency_key_is_described_in_words(tmp_path: Path) -> None:
    async def send(api: Api) -> httpx.Response:
        return await api.client.post("/v1/jobs", headers={"Idempotency-Key": "a b"})

    detail = with_api(tmp_path, send).json()["detail"]
    assert detail == f"idempotency-key: expected printable ASCII without spaces, got 'a b'{ADVICE}"


def test_unknown_kinds_keep_their_words_and_only_three_are_told() -> None:
    failure = {"loc": ("query", "a\x1b"), "type": "other", "msg": "Expected more\n", "input": b"secret"}
    text = failures_text([failure] * 5)
    assert text.count("Expected more") == 3
    assert text.isprintable()
    assert "secret" not in text
