"""Scanned forms through real Kafka, Redis and PostgreSQL with two workers of each kind, one of each killed midway.

FORM_PAGES pages, by default 24: `make form-stack` takes 200.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
import redis
from PIL import Image
from pydantic import SecretStr

from lab.benchmarks.forms.degrading import degrade
from lab.benchmarks.forms.filling import fill
from lab.kit.polling import until
from lab.kit.services import POSTGRES_PASSWORD
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.loading import load_template
from mmdigit.forms.pages.page import ScannedPage
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.store.ports import StoredValue
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.urls import open_consumer, open_store
from samples.running import RunningConsumer, RunningWorker
from tests.conftest import KafkaTopic
from tests.integration.scanned import scanned_pages
from tests.mmdigit.forms.written import TEMPLATE, paper, sample_digits
from tests.processes import Start

PAGES = int(os.environ.get("FORM_PAGES", "24"))
PAGES_A_FILE = 6
KINDS = ("scan", "turned", "photo", "fax")
READ_SHARE = 0.8  # at least; the others are told why
SAME_SHARE = 0.99  # of the values, as one process reads them: it gives the model the digits without the jobs' decoder

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900 + 30 * PAGES)]


def scan(number: int) -> Image.Image:
    """Form number `number`, filled in by the sample pack's writer, as a scanner or camera sees it."""
    chance = np.random.default_rng((20261129, number))
    filled = fill(paper(serial=number), TEMPLATE, sample_digits(), chance)
    return Image.fromarray(degrade(filled.pixels, TEMPLATE.size_mm, KINDS[number % len(KINDS)], chance).pixels)


def save_scans(folder: Path) -> None:
    """PDF and TIFF files of several pages, a photo, the back of a sheet, and a file that is no scan."""
    folder.mkdir()
    numbers = range(1, PAGES + 1)
    for start in range(0, PAGES, PAGES_A_FILE):
        first, *more = [scan(number) for number in numbers[start : start + PAGES_A_FILE]]
        kind = "pdf" if start % (2 * PAGES_A_FILE) else "tif"
        first.save(folder / f"{start:04d}.{kind}", save_all=True, append_images=more, resolution=200)
        paper.cache_clear()
    Image.new("L", (1200, 1700), 255).save(folder / "back.png")
    (folder / "notes.pdf").write_bytes(b"%PDF-1.4 nothing")


Alone = tuple[RegisteredPage, tuple[StoredValue, ...]]
"""A page as the page worker registers it, and its values as `mmdigit form read` reads them."""


def read_alone(folder: Path) -> Iterator[Alone]:
    """Every page as one undisturbed process reads it."""
    registrar, reader = PageRegistrar([TEMPLATE]), FormReader(TEMPLATE, Predictor.load())
    for origin, scanned in scanned_pages(folder):
        if isinstance(scanned, ScannedPage):
            yield registrar.register(scanned, origin), reader.keep(scanned, origin)[1]


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """Within the block, the server ends every connection to the database and takes no other."""
    name, server = url.rpartition("/")[2], url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", password=POSTGRES_PASSWORD, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_page_waits_while_the_database_is_away(
    tmp_path: Path, kafka_topic: KafkaTopic, postgres_url: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMDIGIT_FORMS_PASSWORD", POSTGRES_PASSWORD)
    pages_url, jobs_url = (kafka_topic(1, with_dead_letters=True) for _ in range(2))
    template, stack = tmp_path / "form.yaml", tmp_path / "stack.pdf"
    template.write_bytes(example().replace(b"form: INTK", b"form: AWAY"))
    form = load_template(template)
    stack.write_bytes(print_form(form))
    command = [
        *(sys.executable, "-m", "mmdigit.forms", "worker", "--from", pages_url, "--jobs", jobs_url),
        *("--forms", postgres_url, "--template", str(template), "--retry-max-s", "0.5"),
    ]
    send = [sys.executable, "-m", "mmdigit", "form", "send", str(stack), "--to", pages_url]
    with RunningConsumer(command, tmp_path / "pages.log") as worker:
        worker.wait_until_assigned()
        with database_away(postgres_url):
            assert start([*send, "--journal-dir", str(tmp_path)]).wait() == 0
            until(lambda: worker.scrape().value("mmdigit_forms_retries_total", stage="store") > 1, "two attempts")
            assert worker.scrape().value("mmdigit_forms_registered_pages_total") == 0
        until(lambda: worker.scrape().value("mmdigit_forms_registered_pages_total", state="read") == 1, "the page")
        assert worker.stop() == 0
    with open_page_store(postgres_url, SecretStr(POSTGRES_PASSWORD)) as forms:
        assert forms.counts(form.digest).pages == 1
    with open_consumer(pages_url, group="mmdigit-pages") as consumer:
        assert [consumer.poll(1, 1.0) for _ in range(3)] == [[]] * 3  # committed


def test_killed_workers_cost_no_field(
    tmp_path: Path,
    kafka_topic: KafkaTopic,
    redis_url: str,
    postgres_url: str,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    monkeypatch.setenv("MMDIGIT_FORMS_PASSWORD", POSTGRES_PASSWORD)
    pages_url, jobs_url = (kafka_topic(6, with_dead_letters=True) for _ in range(2))
    scans, template = tmp_path / "scans", tmp_path / "form.yaml"
    template.write_bytes(example())
    save_scans(scans)

    page_worker = [
        *(sys.executable, "-m", "mmdigit.forms", "worker", "--from", pages_url, "--jobs", jobs_url),
        *("--forms", postgres_url, "--template", str(template)),
    ]
    send = [*(sys.executable, "-m", "mmdigit", "form", "send", str(scans), "--to", pages_url)]
    collect = [
        *(sys.executable, "-m", "mmdigit", "form", "collect", "--template", str(template), "--forms", postgres_url),
        *("--store", redis_url, "--expect", str(PAGES + 1), "--wait-timeout-s", str(600 + 20 * PAGES)),
    ]
    with ExitStack() as running:
        store = running.enter_context(open_store(redis_url))
        forms = running.enter_context(open_page_store(postgres_url, SecretStr(POSTGRES_PASSWORD)))
        readers = [RunningConsumer(page_worker, tmp_path / f"pages-{n}.log") for n in range(2)]
        workers = [RunningWorker(jobs_url, redis_url, tmp_path / f"jobs-{n}.log") for n in range(2)]
        for worker in (*readers, *workers):
            running.enter_context(worker).wait_until_ready()
        for worker in (*readers, *workers):
            worker.wait_until_assigned()
        journal = ["--journal-dir", str(tmp_path)]
        sender = start([*send, *journal], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(
            lambda: forms.counts(TEMPLATE.digest).pages >= PAGES // 4,
            "a quarter of the pages",
            timeout_s=600 + 8 * PAGES,
        )
        assert forms.counts(TEMPLATE.digest).pages < PAGES
        readers[0].process.kill()
        workers[0].process.kill()
        said, complaints = sender.communicate()
        assert sender.returncode == 1
        assert said.startswith(f"{PAGES + 1} pages of")
        assert "mmdigit: notes.pdf, page 1: not sent: expected a whole PDF" in complaints
        done = subprocess.run(collect, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (readers[1].stop(), workers[1].stop()) == (0, 0)

        alone = {each.page.group: (each, values) for each, values in read_alone(scans)}
        expected = {group: each for group, (each, _) in alone.items()}
        kept = {page.group: (page, records) for page, records in forms.pages(TEMPLATE.digest)}
        assert kept.keys() == expected.keys()
        assert len(expected) == PAGES + 1
        for group, (page, _) in kept.items():
            once = replace(expected[group].page, fields=(), received_at=page.received_at, scanner=page.scanner)
            assert page == once
        read = [page.serial for page, _ in kept.values() if page.state == "read"]
        assert len(read) == len(set(read)) > READ_SHARE * PAGES

        texts = [
            (record.value.text, value.text)
            for group, (_, records) in kept.items()
            for record, value in zip(records, alone[group][1], strict=True)
        ]
        assert sum(text == other for text, other in texts) >= SAME_SHARE * len(texts)

        predictor = Predictor.load()
        for group, each in expected.items():
            answers = dict(zip(job_ids_of(each.page), store.get(job_ids_of(each.page)), strict=True))
            for job in each.jobs:
                [offline] = predictor.predict([decode_input(job.image, None)])
                answer = answers[job.job_id]
                assert answer is not None
                assert (answer.label, answer.group) == (offline.label, group)
                assert answer.probabilities == pytest.approx(offline.probabilities, abs=1e-5)
            if each.page.state == "read":
                values = decide_page(TEMPLATE, each.page, answers)
                assert tuple(record.value for record in kept[group][1]) == values
            else:
                assert kept[group][1] == ()

        jobs = {job.job_id for each in expected.values() for job in each.jobs}
        feed = [prediction.job_id for _, prediction in store.feed(limit=3 * len(jobs))]
        assert len(feed) == len(set(feed))  # once each
        assert set(feed) == jobs
    for url in (f"{pages_url}.dead", f"{jobs_url}.dead"):
        with open_consumer(url, group="test") as consumer:
            assert [consumer.poll(1, 1.0) for _ in range(3)] == [[]] * 3
    for url, group in ((pages_url, "mmdigit-pages"), (jobs_url, "mmdigit")):
        with open_consumer(url, group=group) as consumer:
            assert [consumer.poll(1, 1.0) for _ in range(5)] == [[]] * 5  # everything is committed
            assert len(consumer.assignment()) == 6
