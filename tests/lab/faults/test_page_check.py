"""The check of pages tells lost records from wrong ones and from strays, on SQLite files."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.faults.page_check import PageCheck, check_pages
from lab.faults.page_records import PageRecords, form_template
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.transport.urls import dead_letter_url, open_publisher
from schemas.wire import encode
from tests.factories import make_dead_letter

SENT = 4
"""Records; the last is no page."""


@dataclass
class Run:
    """A run on files, of which a test says what became."""

    folder: Path
    sent: PageRecords

    @property
    def jobs_url(self) -> str:
        return f"sqlite:///{self.folder / 'queue.db'}"

    @property
    def pages_url(self) -> str:
        return f"{self.jobs_url}?topic=pages"

    def publish(self, registered: RegisteredPage) -> None:
        with open_publisher(self.jobs_url) as jobs:
            for job in registered.jobs:
                jobs.send(None, encode(job, "msgpack"))
            jobs.flush(5)

    def keep(self, *registered: RegisteredPage) -> None:
        with open_page_store(f"sqlite:///{self.folder / 'forms.db'}", None) as forms:
            forms.put_pages([each.page for each in registered])

    def dead_letter(self, value: bytes) -> None:
        with open_publisher(dead_letter_url(self.pages_url)) as letters:
            letters.send(None, encode(make_dead_letter(0).model_copy(update={"original": value}), "msgpack"))
            letters.flush(5)

    def checked(self) -> PageCheck:
        with open_page_store(f"sqlite:///{self.folder / 'forms.db'}", None) as forms:
            return check_pages(self.pages_url, self.jobs_url, forms, self.sent)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """SENT records, sent and read by nobody."""
    run = Run(tmp_path, PageRecords("run", SENT))
    run.sent.send(run.pages_url, SENT)
    return run


@pytest.fixture(scope="module")
def pages() -> list[RegisteredPage]:
    """The pages of the run as they should be kept."""
    sent, registrar = PageRecords("run", SENT), PageRegistrar([form_template()])
    return [sent.registered(number, registrar) for number in range(SENT - 1)]


def test_check_pages_accepts_what_should_be(run: Run, pages: list[RegisteredPage]) -> None:
    for page in (*pages, pages[0]):  # its jobs twice
        run.publish(page)
    run.keep(*pages)
    run.dead_letter(run.sent.foreign(SENT - 1))
    jobs_twice = len(pages[0].jobs)
    assert jobs_twice > 10
    assert run.checked() == PageCheck(SENT - 1, 1, 0, jobs_twice, (), (), 0)


def test_check_pages_finds_records_without_an_outcome(run: Run, pages: list[RegisteredPage]) -> None:
    for page in pages[1:]:
        run.publish(page)
    run.keep(*pages[1:])
    found = run.checked()
    assert sorted(found.lost) == [0, SENT - 1]
    assert (found.kept, found.dead, found.wrong, found.strays) == (SENT - 2, 0, (), 0)


def test_check_pages_finds_pages_without_a_job_or_crop(run: Run, pages: list[RegisteredPage]) -> None:
    first, second, third = pages
    run.publish(replace(first, jobs=first.jobs[1:]))
    run.publish(second)
    run.publish(third)
    fields = (replace(second.page.fields[0], crop=b""), *second.page.fields[1:])
    run.keep(first, replace(second, page=replace(second.page, fields=fields)), third)
    assert run.checked().wrong == (0, 1)


def test_check_pages_finds_outcomes_of_nothing_sent(run: Run, pages: list[RegisteredPage]) -> None:
    stray = PageRecords("other", SENT).registered(0, PageRegistrar([form_template()]))
    run.publish(stray)
    run.keep(stray)
    run.dead_letter(b"something else")
    assert run.checked().strays == len(stray.jobs) + 2
