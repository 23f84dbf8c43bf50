"""The entrance, as a caller meets it: tokens, scopes, rates; and what the audit log says of it."""

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from lab.kit.polling import until
from mmdigit.gateway.access import authenticator, entrance
from tests.mmdigit.gateway.served import Served, served

LINE = b'{"image": "aW1hZ2U="}'
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, login=True) as gateway:
        yield gateway


def status_with(gateway: Served, headers: dict[str, str], method: str = "GET") -> int:
    with gateway.client() as client:
        if method == "GET":
            return client.get("/v1/groups", headers=headers).status_code
        return client.post("/v1/batches", content=LINE, headers=headers | LINES).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer mmd_{'0' * 16}_{'A' * 43}"},
    ],
)
def test_nobody_enters_without_a_valid_token(gateway: Served, headers: dict[str, str]) -> None:
    with gateway.client() as client:
        response = client.get("/v1/groups", headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.headers["content-type"] == "application/problem+json"


def test_scopes_bound_what_a_token_may_do(gateway: Served) -> None:
    reader, submitter = gateway.token("t", "read"), gateway.token("t", "submit")
    assert [status_with(gateway, reader), status_with(gateway, reader, "POST")] == [200, 403]
    assert [status_with(gateway, submitter), status_with(gateway, submitter, "POST")] == [403, 202]


def test_revoked_token_lets_nobody_in_any_more(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticator, "CACHE_S", 0.05)
    headers = gateway.token("t")
    assert status_with(gateway, headers) == 200
    token_id = headers["Authorization"].split("_")[1]
    assert gateway.registry.revoke_token(token_id, datetime.now(UTC))
    until(lambda: status_with(gateway, headers) == 401, "a revocation that is noticed")


def test_rate_of_a_token_is_bounded(tmp_path: Path) -> None:
    with served(tmp_path, login=True, rate_per_s=0.001) as gateway:
        one, other = gateway.token("t"), gateway.token("t")
        with gateway.client() as client:
            answers = [client.get("/v1/groups", headers=one) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 429]
            assert int(answers[1].headers["retry-after"]) > 0
            assert client.get("/v1/groups", headers=other).status_code == 200


def test_audit_log_tells_who_submitted_and_who_was_refused(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mmdigit.audit")
    headers = gateway.token("acme")
    status_with(gateway, headers, "POST")
    status_with(gateway, {"Authorization": "Bearer nonsense"})
    status_with(gateway, headers)
    lines = [vars(record) for record in caplog.records if record.name == "mmdigit.audit"]
    assert [(line["tenant"], line["method"], line["path"], line["status"]) for line in lines] == [
        ("acme", "POST", "/v1/batches", 202),
        ("", "GET", "/v1/groups", 401),
    ]
    assert lines[0]["subject"] == f"token:{headers['Authorization'].split('_')[1]}"
    secret = headers["Authorization"].split("_", 2)[2]
    assert secret not in str(lines)


@pytest.mark.parametrize("path", ["/v1/groups/g/events", "/v1/watch/events"])
def test_stream_ends_with_its_token(gateway: Served, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(authenticator, "CACHE_S", 0.05)
    headers = gateway.token("t")
    with gateway.client(headers=headers) as client:
        client.post("/v1/batches?group=g", content=LINE, headers=LINES)
        with client.stream("GET", path) as stream:
            parts = stream.iter_text()
            assert next(parts) == "retry: 1000\n\n"
            gateway.registry.revoke_token(headers["Authorization"].split("_")[1], datetime.now(UTC))
            assert len(list(parts)) <= 1  # what was on its way


def test_two_authorizations_let_nobody_in(gateway: Served) -> None:
    header = gateway.token("t")["Authorization"]
    with gateway.client() as client:
        answer = client.get("/v1/groups", headers=[("Authorization", header), ("Authorization", header)])
    assert answer.status_code == 401


def test_bodies_on_their_way_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "MAX_HELD_BYTES", 1000)
    with served(tmp_path) as gateway, socket.create_connection(("127.0.0.1", httpx.URL(gateway.url).port or 0)) as slow:
        head = ("POST /v1/jobs HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 900")
        slow.sendall("\r\n".join((*head, "", "{")).encode())
        with gateway.client() as client:
            until(lambda: client.post("/v1/jobs", json={"image": "NDQ0" * 50}).status_code == 429, "a refusal")
            slow.close()
            until(lambda: client.post("/v1/jobs", json={"image": "NDQ0" * 50}).status_code == 202, "room")
