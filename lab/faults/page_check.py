"""Checks the page worker's promises: compares every page sent, and its jobs, with those of an undisturbed process."""

from collections import Counter
from dataclasses import dataclass, replace

from lab.faults.check import records_of
from lab.faults.page_records import PageRecords, form_template
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.worker.registrar import PageRegistrar
from mmdigit.transport.urls import dead_letter_url
from schemas.wire import decode_dead_letter, decode_job


@dataclass(frozen=True)
class PageCheck:
    """kept: pages in the database; dead: records in the dead letters; kept_twice, jobs_twice: how often more than once.
    lost: numbers of records without an outcome; wrong: with another one than they should have. strays: pages, jobs and
    dead letters that stand for nothing that was sent."""

    kept: int
    dead: int
    kept_twice: int
    jobs_twice: int
    lost: tuple[int, ...]
    wrong: tuple[int, ...]
    strays: int


def check_pages(pages_url: str, jobs_url: str, forms: PageStore, sent: PageRecords) -> PageCheck:
    """Read back every outcome of the acknowledged records, and compare."""
    jobs = Counter((job.job_id, job.group, job.image) for job in map(decode_job, _values(jobs_url)))
    letters = {decode_dead_letter(value).original for value in _values(dead_letter_url(pages_url))}
    rows = [page for page, _ in forms.pages(form_template().digest)]
    kept = {page.file_sha256: page for page in rows}
    registrar = PageRegistrar([form_template()])
    foreign = {sent.foreign(number): number for number in sent.acknowledged if not sent.is_page(number)}
    files = {sent.file_sha256(number): number for number in sent.acknowledged if sent.is_page(number)}
    lost = [
        *(foreign[value] for value in foreign.keys() - letters),
        *(files[sha] for sha in files.keys() - kept.keys()),
    ]
    wrong, known = [], set()
    for sha256, number in files.items():
        alone = sent.registered(number, registrar)
        expected = {(job.job_id, job.group, job.image) for job in alone.jobs}
        known |= expected
        if (found := kept.get(sha256)) is not None:
            whole = replace(found, fields=forms.fields(found.group), received_at=alone.page.received_at)
            if whole != alone.page or not expected <= jobs.keys():
                wrong.append(number)
    strays = len(jobs.keys() - known) + len(letters - foreign.keys()) + len(kept.keys() - files.keys())
    return PageCheck(
        kept=len(kept),
        dead=len(letters),
        kept_twice=len(rows) - len(kept),
        jobs_twice=jobs.total() - len(jobs),
        lost=tuple(lost),
        wrong=tuple(wrong),
        strays=strays,
    )


def _values(url: str) -> list[bytes]:
    return [record.value for record in records_of(url)]
