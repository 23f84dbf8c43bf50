"""Batches over HTTP: what arrives on the topic, what is rejected, and what a repeat does."""

import base64
import io
import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mmdigit.consuming.publishing import Outgoing
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.intake import batch
from mmdigit.gateway.routes import batches
from schemas.errors import InvalidRecord
from tests.mmdigit.gateway.served import Served, served
from tests.producer.fakes import prediction_of

LINES = "application/x-ndjson"


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as gateway:
        yield gateway


def line(content: bytes = b"4", **fields: object) -> bytes:
    return json.dumps({"image": base64.b64encode(content).decode(), **fields}).encode() + b"\n"


def post(gateway: Served, body: bytes, kind: str = LINES, path: str = "/v1/batches", key: str = "") -> httpx.Response:
    headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
    with gateway.client() as client:
        return client.post(path, content=body, headers=headers)


def test_lines_become_jobs_of_one_group(gateway: Served) -> None:
    response = post(gateway, line(b"1") + b"\n" + line(b"2", expected=2) + line(b"3", job_id="mine"))
    receipt = response.json()
    assert (response.status_code, receipt["accepted"], receipt["rejected"]) == (202, 3, 0)
    assert response.headers["location"] == f"/v1/groups/{receipt['group']}"
    jobs = gateway.jobs()
    assert [(job.image, job.expected, job.group) for job in jobs] == [
        (b"1", None, receipt["group"]),
        (b"2", 2, receipt["group"]),
        (b"3", None, receipt["group"]),
    ]
    assert jobs[2].job_id == "mine"
    kept = gateway.registry.group("", receipt["group"])
    assert kept is not None
    assert (kept.kind, kept.jobs) == ("jobs", 3)


def test_bad_lines_are_numbered_and_stop_no_other(gateway: Served) -> None:
    bad = [b"{\n", line(image="!"), b"{}\n", line(group="other"), line(job_id="a:b"), b"\xff\n", b"[]\n"]
    receipt = post(gateway, line(b"1") + b"".join(bad) + line(b"2"), path="/v1/batches?group=g").json()
    assert (receipt["accepted"], receipt["rejected"]) == (2, len(bad))
    assert [rejection["line"] for rejection in receipt["rejections"]] == list(range(2, 2 + len(bad)))
    assert all(rejection["error"] and len(rejection["error"]) < 310 for rejection in receipt["rejections"])
    assert [job.image for job in gateway.jobs()] == [b"1", b"2"]


def test_only_the_first_rejections_are_listed(gateway: Served) -> None:
    receipt = post(gateway, b"{\n" * 1000).json()
    assert (receipt["accepted"], receipt["rejected"], len(receipt["rejections"])) == (0, 1000, 100)


def test_batch_sent_again_is_the_same_jobs(gateway: Served) -> None:
    body = line(b"1") + line(b"1") + line(b"2")
    receipts = [post(gateway, body, key="k").json() for _ in range(2)]
    ids = [job.job_id for job in gateway.jobs()]
    assert receipts[0] == receipts[1]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3


def test_line_before_others_keeps_their_ids(gateway: Served) -> None:
    post(gateway, line(b"1") + line(b"2"), path="/v1/batches?group=g")
    post(gateway, line(b"0") + line(b"1") + line(b"2"), path="/v1/batches?group=g")
    ids = [(job.image, job.job_id) for job in gateway.jobs()]
    assert ids[:2] == ids[3:]


def test_groups_and_keys_are_other_jobs(gateway: Served) -> None:
    for path, key in (("?group=a", ""), ("?group=b", ""), ("", "k"), ("", "l"), ("", ""), ("", "")):
        post(gateway, line(), path=f"/v1/batches{path}", key=key)
    assert len({job.job_id for job in gateway.jobs()}) == 6


def test_job_named_twice_counts_once(gateway: Served) -> None:
    receipt = post(gateway, line(b"1", job_id="a") + line(b"2", job_id="a") + line(b"3")).json()
    assert receipt["accepted"] == 2


def test_tenants_share_nothing(gateway: Served) -> None:
    for tenant in ("", "blue", "red"):
        gateway.principal = Principal(tenant, SCOPES, "test")
        assert post(gateway, line(job_id="x"), path="/v1/batches?group=g").json()["group"] == "g"
    assert [(job.job_id, job.group) for job in gateway.jobs()] == [("x", "g"), ("blue:x", "blue:g"), ("red:x", "red:g")]


def test_body_is_published_as_it_arrives(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first jobs are on the topic before the body has ended."""
    monkeypatch.setattr(batch, "CHUNK_JOBS", 2)

    def body() -> Iterator[bytes]:
        yield line(b"1") + line(b"2") + line(b"3")
        seen = 0
        while seen < 2:
            seen += len(gateway.jobs())
        yield line(b"4")

    with gateway.client() as client:
        assert client.post("/v1/batches", content=body(), headers={"Content-Type": LINES}).json()["accepted"] == 4


def test_broken_off_batch_is_joined_by_its_repeat(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_JOBS", 2)
    host, port = gateway.url.removeprefix("http://").split(":")
    first = line(b"1") + line(b"2") + line(b"3")
    head = f"POST /v1/batches?group=g HTTP/1.1\r\nHost: {host}\r\nContent-Type: {LINES}\r\nContent-Length: 9999\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + first)
        begun = gateway.jobs()
        while len(begun) < 2:
            begun += gateway.jobs()
    assert gateway.registry.group("", "g") is None
    assert post(gateway, first + line(b"4"), path="/v1/batches?group=g").json()["accepted"] == 4
    ids = [job.job_id for job in begun + gateway.jobs()]
    assert len(set(ids)) == 4


def test_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, max_batch_bytes=2000) as gateway:
        assert post(gateway, line() * 200).status_code == 413

        def unannounced() -> Iterator[bytes]:
            yield from [line()] * 200

        with gateway.client() as client:
            sent = client.post("/v1/batches", content=unannounced(), headers={"Content-Type": LINES})
        assert sent.status_code == 413


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data"])
def test_other_media_types_are_refused(gateway: Served, kind: str) -> None:
    response = post(gateway, line(), kind)
    assert response.status_code == 415
    assert LINES in response.json()["detail"]


@pytest.mark.parametrize("group", ["a b", "a:b", "", "x" * 200])
def test_groups_that_are_no_identifiers_are_refused(gateway: Served, group: str) -> None:
    assert post(gateway, line(), path=f"/v1/batches?group={group}").status_code == 422


def test_record_that_the_topic_refuses_is_rejected_alone(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = gateway.services.publisher.publish

    async def refusing(records: list[Outgoing]) -> None:
        if any(b"large" in record.value for record in records):
            raise InvalidRecord("expected a smaller record")
        await publish(records)

    monkeypatch.setattr(gateway.services.publisher, "publish", refusing)
    receipt = post(gateway, line(b"1") + line(b"large", job_id="a") + line(b"large") + line(b"2")).json()
    assert (receipt["accepted"], [rejection["line"] for rejection in receipt["rejections"]]) == (2, [2, 3])
    assert [job.image for job in gateway.jobs()] == [b"1", b"2"]


def test_full_backlog_is_told_before_the_body(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(gateway.services.backlog), "seconds", 61.0)
    response = post(gateway, line())
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert gateway.jobs() == []


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return content.getvalue()


def test_archives_become_jobs_by_their_manifest(gateway: Served) -> None:
    manifest = b"id,image,audio,label\na,4.png,4.wav,4\nb,no.png,,\nc d,4.png,,\n"
    body = zipped({"manifest.csv": manifest, "4.png": b"four", "4.wav": b"vier"})
    for _ in range(2):
        receipt = post(gateway, body, "application/zip", "/v1/batches?group=g").json()
        assert (receipt["accepted"], receipt["rejected"]) == (1, 2)
        assert [rejection["line"] for rejection in receipt["rejections"]] == [3, 4]
    assert [(job.job_id, job.group, job.image, job.audio, job.expected) for job in gateway.jobs()] == [
        ("g.a", "g", b"four", b"vier", 4)
    ] * 2


def test_large_archives_are_read_in_parts(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK_BYTES", 1000)
    rows = "".join(f"{number},4.png\n" for number in range(50))
    body = zipped({"manifest.csv": f"id,image\n{rows}".encode(), "4.png": bytes(700)})
    assert post(gateway, body, "application/zip").json()["accepted"] == 50


def test_broken_archive_is_refused(gateway: Served) -> None:
    response = post(gateway, b"PK\x03\x04...", "application/zip")
    assert response.status_code == 422
    assert "zip archive" in response.json()["detail"]


def test_group_has_the_jobs_of_all_its_batches_once(gateway: Served) -> None:
    path = "/v1/batches?group=g"
    post(gateway, line(b"1") + line(b"2", expected=99), path=path)
    post(gateway, line(b"3"), path=path)
    assert post(gateway, line(b"1") + line(b"2", expected=2), path=path).json()["accepted"] == 2  # mended, sent again
    kept = gateway.registry.group("", "g")
    assert kept is not None
    assert kept.jobs == 3


def test_ids_that_another_group_has_are_rejected(gateway: Served) -> None:
    gateway.store.put(
        [prediction_of("a", group="one"), prediction_of("b", group="two"), prediction_of("c", group=None)]
    )
    body = b"".join(line(job_id=name) for name in ("a", "b", "c", "d"))
    receipt = post(gateway, body, path="/v1/batches?group=two").json()
    assert (receipt["accepted"], [each["line"] for each in receipt["rejections"]]) == (2, [1, 3])
    assert "another group" in receipt["rejections"][0]["error"]
    assert [job.job_id for job in gateway.jobs()] == ["b", "d"]
    with gateway.client() as client:
        answer = client.post("/v1/jobs", json={"image": "NA==", "job_id": "a", "group": "two"})
    assert answer.status_code == 409


def test_file_of_something_else_ends_early(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_REJECTED", 10)
    monkeypatch.setattr(batch, "MAX_JOBS", 100)
    answer = post(gateway, b"1\n" * 11)
    assert answer.status_code == 422
    assert "more than 10 lines" in answer.json()["detail"]
    assert post(gateway, b"\n" * 101).status_code == 422
    assert post(gateway, b"\n" * 99 + line(b"1")).status_code == 202
