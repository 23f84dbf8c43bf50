"""The Compose profiles: load is answered although one worker has a faulty network; scans become values; HTTP works."""

import csv
import json
import re
import time
from pathlib import Path

import httpx
import pytest

from deploy.grafana.plots import query_range
from lab.kit.polling import until
from lab.kit.services import POSTGRES_IMAGE
from mmdigit import cli
from mmdigit.forms.loading import load_template
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from mmdigit.forms.template.template import Template
from samples.demo import PACK
from samples.demo_forms import as_written, fill_stack
from tests.deploy.compose import Compose

pytestmark = pytest.mark.docker


def test_load_profile_is_answered_despite_chaos() -> None:
    with Compose(LOAD_ROUNDS="1", LOAD_RATE="30") as compose:  # 33 s or more, so that some of it meets a fault
        compose.up(["worker", "links", "chaos-worker", "chaos"], profiles=["chaos"])
        compose.run("--profile", "load", "up", "--detach", "--no-deps", "load")

        def ended() -> bool:
            [load] = [json.loads(line) for line in compose.run("ps", "--all", "--format", "json", "load").splitlines()]
            assert load["ExitCode"] == 0, compose.run("logs", "load")
            return bool(load["State"] == "exited")

        until(ended, "the end of the load", pause_s=0.5)
        logs = compose.run("logs", "--no-log-prefix", "load")
        assert "1000 sent and acknowledged" in logs
        assert "1000 answered, 0 dead, 0 missing" in logs
        until(
            lambda: ": restored" in compose.run("--profile", "chaos", "logs", "chaos"),
            "the end of a fault",
            pause_s=0.5,
        )
        chaos_worker = compose.run("--profile", "chaos", "logs", "--no-log-prefix", "chaos-worker")
        assert "partitions assigned" in chaos_worker


def decided(store: PageStore, template: Template) -> dict[int, dict[str, FieldRecord]]:
    """The fields of each form whose page is decided, by serial number and name."""
    pages = store.pages(template.digest)
    return {page.serial or 0: {each.value.name: each for each in records} for page, records in pages if records}


def test_forms_profile_reads_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_bytes(example())
    template = load_template(tmp_path / "form.yaml")
    (tmp_path / "stack.pdf").write_bytes(print_form(template, 3))
    written = fill_stack(template, tmp_path / "stack.pdf", tmp_path / "scans.pdf")
    # In the image of the tests the group root may write the socket's folder, in the public one everybody may.
    with Compose(POSTGRES_IMAGE=POSTGRES_IMAGE, POSTGRES_RUN_AS="postgres:root") as compose:
        compose.up(["worker", "page-worker", "collector"], profiles=["forms"])
        topic = f"kafka://{compose.bootstrap}/mmdigit.pages"
        journals = ["--journal-dir", str(tmp_path)]
        assert cli.main(["form", "send", str(tmp_path / "scans.pdf"), "--to", topic, *journals]) == 0
        with open_page_store(compose.forms_url, None) as store:
            until(lambda: len(decided(store, template)) == len(written), "values of all forms")
            found = decided(store, template)
    accepted = {
        (serial, name): as_written(found[serial][name].text)
        for serial, values in written.items()
        for name in values
        if found[serial][name].decision == "accept"
    }
    assert accepted == {(serial, name): written[serial][name] for serial, name in accepted}
    assert len(accepted) > sum(map(len, written.values())) / 2


def read_scans(client: httpx.Client, folder: Path) -> set[str]:
    """The serial numbers in the table of three filled forms, which are sent as one scan."""
    (folder / "form.yaml").write_bytes(example())
    template = load_template(folder / "form.yaml")
    (folder / "stack.pdf").write_bytes(print_form(template, 3))
    fill_stack(template, folder / "stack.pdf", folder / "scans.pdf")
    scan = {"scan": (folder / "scans.pdf").read_bytes()}
    sent = client.post(f"/v1/forms/{template.form}/pages", files=scan, timeout=60)
    assert sent.status_code == 202, sent.text
    group = sent.headers["Location"]
    until(lambda: client.get(group).json()["finished"], "all pages")
    table = client.get(f"{group.replace('groups', 'export')}.csv").text
    return {row["serial"] for row in csv.DictReader(table.splitlines())}


def test_gateway_profile_answers_over_http(tmp_path: Path) -> None:
    begin_s = time.time()
    pair = {
        "image": (PACK.parent / "images" / "7_00.png").read_bytes(),
        "audio": (PACK.parent / "audio" / "7_00.wav").read_bytes(),
    }
    with Compose(POSTGRES_IMAGE=POSTGRES_IMAGE, POSTGRES_RUN_AS="postgres:root") as compose:
        compose.up(["worker", "gateway", "page-worker", "collector", "prometheus"], profiles=["gateway", "forms"])
        command = ("exec", "-T", "gateway", "python", "-m", "mmdigit", "token", "create", "--name", "scanner")
        token = compose.run("--profile", "gateway", *command).strip()
        with httpx.Client(base_url=compose.gateway, headers={"Authorization": f"Bearer {token}"}) as client:
            posted = client.post("/v1/jobs", params={"wait": 30}, files=pair, timeout=60)
            assert posted.status_code == 200, posted.text
            assert posted.json()["prediction"]["label"] == 7
            fetched = client.get(posted.headers["Location"])
            assert fetched.json() == posted.json()
            for other in (f"Bearer {token[:-1]}", ""):
                refused = client.post("/v1/jobs", files=pair, headers={"Authorization": other})
                assert refused.status_code == 401
                assert refused.headers["Content-Type"] == "application/problem+json"
            assert read_scans(client, tmp_path) == {"1", "2", "3"}
        with httpx.Client(base_url=compose.gateway) as visitor:  # the page itself asks for the token
            page = visitor.get("/")
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            script = visitor.get(re.findall(r'src="(/app/[^"]+)"', page.text)[0])
            assert (script.status_code, script.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")

        def scraped() -> bool:
            expression = 'mmdigit_gateway_refused_total{job="mmdigit-gateway", reason="login"} == 2'
            return bool(query_range(compose.prometheus, expression, begin_s, time.time(), 1.0))

        until(scraped, "the gateway's metrics in Prometheus", pause_s=0.5)
