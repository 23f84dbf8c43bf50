"""Scans over HTTP: their pages on the topic, kept by a real page worker, followed as a group."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.store.ports import StoredValue
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.worker.loop import PageWorker
from mmdigit.forms.worker.metrics import PageMetrics
from mmdigit.forms.worker.registrar import PageRegistrar
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.intake import scans
from mmdigit.gateway.pages import write_form_table
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.page import MAX_RECORDINGS, MAX_RECORDINGS_BYTES
from tests.mmdigit.forms.worker.fakes import page_content
from tests.mmdigit.forms.written import SPOKEN, TEMPLATE
from tests.mmdigit.gateway.served import Served, pages_url, served

OTHER = TEMPLATE.model_copy(update={"form": "OTHR"})
PATH = f"/v1/forms/{TEMPLATE.form}/pages"
PNG = "image/png"


@pytest.fixture(name="gateway")
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, templates=(OTHER, TEMPLATE)) as gateway:
        yield gateway


@cache
def printed() -> bytes:
    """A PDF of two blank copies."""
    return print_form(TEMPLATE, 2)


def post(
    gateway: Served, content: bytes, kind: str = "application/pdf", query: str = "", key: str = ""
) -> httpx.Response:
    headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
    with gateway.client() as client:
        return client.post(f"{PATH}{query}", content=content, headers=headers)


def status(gateway: Served, group: str) -> httpx.Response:
    with gateway.client() as client:
        return client.get(f"/v1/groups/{group}")


def work(folder: Path) -> None:
    """What a page worker does with everything on the topic."""
    places = {"from": pages_url(folder), "jobs": f"sqlite:///{folder / 'jobs.db'}", "template": "form.yaml"}
    settings = PageWorkerSettings.model_validate({**places, "forms": f"sqlite:///{folder / 'forms.db'}"})
    with ExitStack() as stack:
        topics = [stack.enter_context(open_publisher(f"sqlite:///{folder / name}.db")) for name in ("jobs", "dead")]
        consumer = stack.enter_context(open_consumer(settings.from_url, group="workers"))
        store = stack.enter_context(open_page_store(settings.forms_url))
        decoder = stack.enter_context(PageDecoder())
        registrar = PageRegistrar([OTHER, TEMPLATE])
        worker = PageWorker(settings, decoder, registrar, consumer, topics[0], store, topics[1], PageMetrics())
        before = -1
        while worker.kept > before:
            before = worker.kept
            worker.run_once()


def read(gateway: Served, text: str = "1") -> None:
    """Put values into every page that waits for them."""
    assert gateway.services.forms is not None
    store = gateway.services.forms.store
    for _, page in store.unread_pages(TEMPLATE.digest, 100):
        first, *rest = page.fields
        review = StoredValue(first.name, "?", "review", ("low_confidence",), None, "model-1")
        accepted = [StoredValue(field.name, text, "accept", (), 0.9999, "model-1") for field in rest]
        store.put_values({page.group: [review, *accepted]})


def test_pages_of_a_scan_arrive_and_are_followed(gateway: Served, tmp_path: Path) -> None:
    response = post(gateway, printed())
    receipt = response.json()
    pages = 2 * len(TEMPLATE.pages)
    assert (response.status_code, receipt["accepted"], receipt["rejected"]) == (202, pages, 0)
    assert response.headers["location"] == f"/v1/groups/{receipt['group']}"
    sent = gateway.pages()
    assert [(page.number, page.file_name, page.tenant) for page in sent] == [
        (number, "scan.pdf", None) for number in range(1, pages + 1)
    ]
    follow = status(gateway, receipt["group"]).json()
    assert (follow["kind"], follow["submitted"], follow["done"], follow["finished"]) == ("pages", pages, 0, False)
    work(tmp_path)
    assert status(gateway, receipt["group"]).json()["done"] == 0
    read(gateway)
    follow = status(gateway, receipt["group"]).json()
    assert (follow["done"], follow["dead"], follow["finished"]) == (pages, 0, True)
    assert follow["decisions"]["review"] == pages


def test_page_that_is_no_form_ends_as_dead(gateway: Served, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (800, 1100), 255).save(file, "PNG")
    group = post(gateway, file.getvalue(), PNG).json()["group"]
    work(tmp_path)
    follow = status(gateway, group).json()
    assert (follow["submitted"], follow["done"], follow["dead"], follow["finished"]) == (1, 0, 1, True)
    with gateway.client() as client:
        [page] = client.get(f"/v1/groups/{group}/pages").json()["pages"]
    assert (page["file"], page["number"], page["state"], page["reason"]) == ("scan.png", 1, "dead", "blank_page")
    assert page["message"].startswith("expected")


def test_scans_come_as_browsers_send_them(gateway: Served) -> None:
    with gateway.client() as client:
        response = client.post(PATH, files={"scan": ("März 1.png", page_content(), PNG)})
        assert response.json()["accepted"] == 1
        assert gateway.pages()[0].file_name == "März 1.png"
        assert client.post(PATH, files={"other": ("a.png", b"x", PNG)}).status_code == 422
        two = [("scan", ("a.png", page_content(), PNG)), ("scan", ("b.png", page_content(), PNG))]
        assert client.post(PATH, files=two).status_code == 422
        assert client.post(PATH, data={"scan": "text"}).status_code in (415, 422)


def test_recordings_come_beside_their_scan(tmp_path: Path) -> None:
    scan = ("scan", ("a.png", page_content(), PNG))
    member, whole = (("recording.member", ("m.wav", b"member")), ("recording", ("all.ogg", b"", "audio/ogg")))
    long = ("recording.member", ("m.wav", bytes(MAX_RECORDINGS_BYTES + 1)))
    refused: list[tuple[Any, str]] = [
        ([scan, member, member], "each once"),
        ([scan, ("recording.consent", ("c.wav", b"x"))], "spoken fields of form INTK (amount, born, member), got one"),
        ([scan, ("recording.../x", ("c.wav", b"x"))], "recording.FIELD or recording"),
        ([scan, ("member", ("c.wav", b"x"))], "recording.FIELD or recording"),
        ([member], "one file, scan"),
        ([scan, *([member] * (MAX_RECORDINGS + 1))], "got another form"),
        ([scan, long], "of at most 1572864 bytes"),
        ([("scan", ("a.pdf", printed(), "application/pdf")), member], "a scan of one page"),
    ]
    with served(tmp_path, templates=(OTHER, SPOKEN)) as gateway, gateway.client() as client:
        for files, error in refused:
            response = client.post(PATH, files=files)
            assert (response.status_code, error in response.json()["detail"]) == (422, True), response.json()
        assert gateway.pages() == []
        assert client.post(PATH, files=[member, scan, whole]).status_code == 202
        assert client.post(PATH, files=[scan]).status_code == 202
        other = client.post(f"/v1/forms/{OTHER.form}/pages", files=[scan, member])
        assert "spoken fields of form OTHR (it has none)" in other.json()["detail"]
        assert [page.recordings for page in gateway.pages()] == [{"member": b"member", "*": b""}, None]


def test_scan_sent_again_is_the_same_pages(gateway: Served, tmp_path: Path) -> None:
    receipts = [post(gateway, printed()).json() for _ in range(2)]
    assert receipts[0] == receipts[1]
    work(tmp_path)
    read(gateway)
    assert status(gateway, receipts[0]["group"]).json()["done"] == receipts[0]["accepted"]


def test_scans_of_one_group_add_up(gateway: Served) -> None:
    for content, kind in ((printed(), "application/pdf"), (page_content(), PNG), (printed(), "application/pdf")):
        post(gateway, content, kind, "?group=g")
    assert status(gateway, "g").json()["submitted"] == 2 * len(TEMPLATE.pages) + 1


def test_same_file_of_two_tenants_is_two_pages(gateway: Served, tmp_path: Path) -> None:
    """Each follows, reads and corrects its own; neither sees the other's, nor the default tenant theirs."""
    for tenant in ("blue", "red"):
        gateway.principal = Principal(tenant, SCOPES, "test")
        assert post(gateway, page_content(), PNG, "?group=g").json()["accepted"] == 1
    work(tmp_path)
    jobs = gateway.jobs()
    assert {job.job_id.partition(":")[0] for job in jobs} == {"blue", "red"}
    assert len({job.job_id for job in jobs}) == len(jobs)
    assert gateway.services.forms is not None
    store = gateway.services.forms.store
    kept = [page for page, _ in store.pages(TEMPLATE.digest)]
    assert sorted(page.group.partition(":")[0] for page in kept) == ["blue", "red"]
    [blue] = [page for page in kept if page.group.startswith("blue:")]
    fields = store.fields(blue.group)
    store.put_values({blue.group: [StoredValue(each.name, "1", "accept", (), 0.9, "m") for each in fields]})
    for tenant, done in (("blue", 1), ("red", 0)):
        gateway.principal = Principal(tenant, SCOPES, "test")
        assert status(gateway, "g").json()["done"] == done
    gateway.principal = Principal("", SCOPES, "test")
    assert status(gateway, "g").status_code == 404
    assert status(gateway, blue.group).status_code == 422


def test_table_holds_the_forms_of_the_group_alone(gateway: Served, tmp_path: Path) -> None:
    post(gateway, print_form(TEMPLATE, 1, 7), query="?group=a")
    post(gateway, print_form(TEMPLATE, 1, 8), query="?group=b")
    work(tmp_path)
    read(gateway)
    assert gateway.services.forms is not None
    group = gateway.registry.group("", "b")
    assert group is not None
    done = write_form_table(gateway.services.forms.store, group, TEMPLATE, tmp_path / "b.csv")
    with (tmp_path / "b.csv").open() as file:
        assert [row["serial"] for row in csv.DictReader(file)] == ["8"]
    assert done.forms == 1


def test_table_of_no_form_is_a_problem(gateway: Served) -> None:
    post(gateway, printed(), query="?group=a")
    with gateway.client() as client:
        response = client.get("/v1/export/a.csv?form=NONE")
    assert response.status_code == 422
    assert response.json()["detail"] == "form: expected one of the gateway, got NONE; change it"


def test_file_that_is_no_scan_is_refused(gateway: Served) -> None:
    response = post(gateway, b"%PDF-1.7 nothing")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("page 1: expected ")
    assert gateway.pages() == []


def test_scan_beyond_the_limit_is_refused(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MAX_SCAN_BYTES", 1000)
    assert post(gateway, bytes(1001)).status_code == 413
    with gateway.client() as client:
        assert client.post(PATH, files={"scan": ("a.png", bytes(1001), PNG)}).status_code == 413


def test_other_media_types_are_refused(gateway: Served) -> None:
    assert post(gateway, printed(), "text/plain").status_code == 415


def test_unknown_form_is_not_found(gateway: Served) -> None:
    with gateway.client() as client:
        response = client.post("/v1/forms/NONE/pages", content=b"x", headers={"Content-Type": PNG})
    assert response.status_code == 404
    assert "INTK, OTHR" in response.json()["detail"]


def test_group_of_jobs_takes_no_pages(gateway: Served) -> None:
    with gateway.client() as client:
        lines = {"Content-Type": "application/x-ndjson"}
        client.post("/v1/batches?group=g", content=b'{"image":"NA=="}', headers=lines)
        assert post(gateway, page_content(), PNG, "?group=g").status_code == 409
        post(gateway, page_content(), PNG, "?group=p")
        assert client.post("/v1/batches?group=p", content=b'{"image":"NA=="}', headers=lines).status_code == 409


def test_gateway_without_forms_says_so(tmp_path: Path) -> None:
    with served(tmp_path) as gateway:
        response = post(gateway, printed())
    assert response.status_code == 404
    assert "--template" in response.json()["detail"]
