"""The page worker as a process: from a queue of pages to kept pages and jobs, on SQLite, and its end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.transport.urls import open_consumer, open_publisher
from schemas.wire import decode_dead_letter, decode_job
from tests.mmdigit.forms.worker.fakes import page_record
from tests.mmdigit.forms.written import SPOKEN, SPOKEN_FORM, TEMPLATE, filled_page


class Place:
    """The URLs of a page worker in a folder, and the command that starts it."""

    def __init__(self, folder: Path) -> None:
        (folder / "form.yaml").write_bytes(example())
        queue = f"sqlite:///{folder / 'queue.db'}"
        self.pages, self.jobs, self.forms = f"{queue}?topic=pages", queue, f"sqlite:///{folder / 'forms.db'}"
        urls = ["--from", self.pages, "--jobs", self.jobs, "--forms", self.forms]
        self.command = [
            *(sys.executable, "-m", "mmdigit.forms", "worker", *urls, "--template", str(folder / "form.yaml")),
            *("--metrics-port", "0", "--json-logs"),
        ]

    def send(self, *values: bytes) -> None:
        with open_publisher(self.pages) as publisher:
            for value in values:
                publisher.send(None, value)
            publisher.flush(30)

    def read(self, url: str) -> list[bytes]:
        with open_consumer(url, group="test") as consumer:
            return [record.value for record in consumer.poll(1000, 0.1)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def running(place: Place) -> Iterator[subprocess.Popen[str]]:
    worker = subprocess.Popen(place.command, stderr=subprocess.PIPE, text=True)
    try:
        yield worker
    finally:
        worker.kill()
        worker.communicate()


def children(process: int) -> list[int]:
    return [int(name) for name in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_page_worker_keeps_pages_and_publishes_their_jobs(place: Place) -> None:
    place.send(page_record(0).value, b"\xffno page", page_record(1).value)
    done = subprocess.run([*place.command, "--exit-when-idle-s", "0.2"], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["kept"], line["dead_lettered"]) for line in lines if line["message"] == "stopped"] == [(2, 1)]
    with open_page_store(place.forms) as store:
        pages = store.unread_pages(TEMPLATE.digest, 10)
        wanted = [cell.job_id for _, page in pages for field in page.fields for cell in field.cells if cell.job_id]
    assert sorted(decode_job(value).job_id for value in place.read(place.jobs)) == sorted(wanted)
    assert len(wanted) > 40
    [letter] = place.read(f"{place.pages}.dead")
    assert decode_dead_letter(letter).original == b"\xffno page"


def test_sigterm_ends_the_page_worker_and_its_decoder(place: Place, running: subprocess.Popen[str]) -> None:
    place.send(page_record(0).value)
    until(lambda: children(running.pid), "the decoder")
    [decoder] = children(running.pid)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 0
    assert not Path(f"/proc/{decoder}").exists()


def test_decoder_ends_with_a_killed_page_worker(place: Place, running: subprocess.Popen[str]) -> None:
    place.send(page_record(0).value)
    until(lambda: children(running.pid), "the decoder")
    [decoder] = children(running.pid)
    running.kill()
    until(lambda: not Path(f"/proc/{decoder}").exists(), "the decoder's end")


def test_page_worker_refuses_a_template_with_a_mistake(place: Place, tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text("form: 1\n")
    done = subprocess.run(place.command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "form.yaml, line 1" in done.stderr


def test_page_worker_listens_to_the_recordings_of_spoken_fields(place: Place, tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_bytes(SPOKEN_FORM)
    filled = filled_page()
    written = {slot.name: text for slot, text in zip(filled.slots, filled.written, strict=True)}
    member, born = (written[name] or "" for name in ("member", "born"))
    recordings = {"member": spoken_wav(member), "born": spoken_wav(born)[:50]}
    place.send(page_record(0, recordings=recordings).value, page_record(1).value)
    subprocess.run([*place.command, "--exit-when-idle-s", "0.2"], check=True, capture_output=True)
    jobs = [decode_job(value) for value in place.read(place.jobs)]
    with open_page_store(place.forms) as store:
        heard, silent = (page for _, page in store.unread_pages(SPOKEN.digest, 10))
        sounds = {name: store.sound(heard.group, name) for name in ("member", "born", "amount")}
    ids = {cell.job_id for field in heard.fields for cell in field.cells if field.name == "member"}
    assert {job.job_id for job in jobs if job.audio is not None} == ids
    assert "".join(str(box.written) for box in heard.heard["member"].boxes) == member
    assert heard.heard["born"].reason == "not_heard"
    assert silent.heard == {}
    assert [name for name, sound in sounds.items() if sound is not None] == ["member"]
