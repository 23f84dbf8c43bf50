"""The page worker's loop: what it keeps, publishes, dead-letters and commits, in that order."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.spoken.heard import HeardField
from mmdigit.forms.worker.registrar import PageRegistrar
from schemas.errors import TooManyDeadLetters
from schemas.page import page_id
from schemas.trace import TRACEPARENT_HEADER
from tests.mmdigit.forms.worker.fakes import SHA256, PageBench, page_record
from tests.mmdigit.forms.written import TEMPLATE
from tests.schemas.samples import TRACEPARENT
from tests.worker.fakes import P0, FakeConsumer

BLANK = print_form(TEMPLATE, 1)
TWO = print_form(TEMPLATE, 2)


@pytest.fixture
def bench() -> Iterator[PageBench]:
    bench = PageBench()
    yield bench
    bench.close()


def test_run_once_keeps_a_page_after_its_jobs_and_commits(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0)]
    bench.worker.run_once()
    [page] = bench.store.kept.values()
    ids = [cell.job_id for field in page.fields for cell in field.cells if cell.job_id]
    assert [job.job_id for job in bench.jobs.jobs] == ids
    assert len(ids) > 20
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.count("registered_pages_total", state="read") == 1
    assert bench.count("cells_total", state="digit") == bench.count("jobs_published_total") == len(ids)
    assert bench.count("stage_seconds_count", stage="publish") == 1


def test_redelivered_page_repeats_its_jobs_and_is_kept_once(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0), replace(page_record(0), offset=1)]
    bench.worker.run_once()
    bench.worker.run_once()
    half = len(bench.jobs.jobs) // 2
    assert bench.jobs.jobs[:half] == bench.jobs.jobs[half:]
    assert len(bench.store.kept) == 1


def test_page_again_with_other_recordings_sends_no_jobs(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0), replace(page_record(0), offset=1)]
    bench.worker.run_once()
    [(group, page)], sent = bench.store.kept.items(), len(bench.jobs.jobs)
    bench.store.kept[group] = replace(page, heard={"member": HeardField("member", (), None)})
    bench.worker.run_once()
    assert len(bench.jobs.jobs) == sent
    assert bench.consumer.commits == [{P0: 1}, {P0: 2}]


def test_jobs_carry_the_trace_of_their_page(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0, headers={TRACEPARENT_HEADER: TRACEPARENT.encode()})]
    bench.worker.run_once()
    assert {headers[TRACEPARENT_HEADER] for headers in bench.jobs.headers} == {TRACEPARENT.encode()}


def test_nothing_is_committed_while_jobs_or_database_are_away(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0, BLANK), page_record(1)]
    bench.store.failing = 2
    seen: list[tuple[int, int]] = []
    bench.consumer.in_keep_alive = lambda: seen.append((len(bench.consumer.commits), bench.store.failing))
    bench.worker.run_once()
    assert seen == [(0, 1), (0, 0)]
    bench.jobs.failing = 1
    bench.worker.run_once()
    assert seen[2:] == [(1, 0)]
    assert bench.consumer.commits == [{P0: 1}, {P0: 2}]
    ids = [job.job_id for job in bench.jobs.jobs]
    assert len(ids) == len(set(ids)) > 20
    assert bench.count("retries_total", stage="store") == 2
    assert bench.count("retries_total", stage="publish") == 1


def test_page_fault_is_kept_with_its_reason_and_no_dead_letter(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0, b"no scan at all")]
    bench.worker.run_once()
    [page] = bench.store.kept.values()
    assert (page.state, page.fields, page.number) == ("unreadable", (), 1)
    assert "expected a PDF, TIFF, PNG or JPEG file" in page.message
    assert (bench.dead.letters, bench.jobs.jobs) == ([], [])
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.count("registered_pages_total", state="unreadable") == 1


def test_record_that_is_no_page_is_a_dead_letter_alone(bench: PageBench) -> None:
    bench.consumer.queue = [replace(page_record(0), value=b"\xffno page", key=b"k"), page_record(1, BLANK)]
    bench.worker.run_once()
    bench.worker.run_once()
    [letter] = bench.dead.letters
    assert (letter.reason, letter.original, letter.key, letter.job_id) == ("invalid_record", b"\xffno page", b"k", None)
    assert [page.state for page in bench.store.kept.values()] == ["read"]
    assert bench.count("dead_letters_total", reason="invalid_record") == 1


def test_record_of_two_pages_is_a_dead_letter_and_unreadable(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0, TWO)]
    bench.worker.run_once()
    [letter], [page] = bench.dead.letters, bench.store.kept.values()
    assert (letter.reason, letter.job_id) == ("invalid_record", page_id(SHA256, 1))
    assert (page.state, bench.jobs.jobs) == ("unreadable", [])


def test_page_that_ends_the_decoder_twice_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = PageBench(FakeConsumer([page_record(0), page_record(1)]))
    with monkeypatch.context() as patched:
        patched.setattr("mmdigit.forms.pages.decoder.COMMAND", ["false"])
        bench.worker.run_once()
    bench.worker.run_once()
    bench.close()
    [letter], [dead, alive] = bench.dead.letters, bench.store.kept.values()
    assert (letter.reason, letter.attempts, letter.original) == ("decoder_failed", 2, page_record(0).value)
    assert (dead.state, alive.state) == ("unreadable", "read")
    assert bench.consumer.commits == [{P0: 1}, {P0: 2}]


def test_decoder_that_was_ended_once_is_not_blamed_on_the_page(bench: PageBench) -> None:
    class Killed(PageDecoder):
        def _ask(self, content: bytes, first: int, split: bool) -> None:
            super()._ask(content, first, split)
            if not killed and self._process is not None:
                killed.append(self._process)
                self._process.kill()

    killed: list[object] = []
    bench = PageBench(FakeConsumer([page_record(0)]), decoder=Killed())
    bench.worker.run_once()
    bench.close()
    assert len(killed) == 1
    assert [page.state for page in bench.store.kept.values()] == ["read"]
    assert bench.dead.letters == []


def test_unexpected_error_is_a_dead_letter_of_its_page_alone(bench: PageBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise IndexError("a bug")

    bench.consumer.queue = [page_record(0), page_record(1)]
    with monkeypatch.context() as patched:
        patched.setattr("mmdigit.forms.worker.registrar.place", fails)
        bench.worker.run_once()
    bench.worker.run_once()
    [letter] = bench.dead.letters
    assert (letter.reason, letter.error) == ("decoder_failed", "IndexError: a bug")
    assert [page.state for page in bench.store.kept.values()] == ["unreadable", "read"]


def test_too_little_memory_is_retried_and_blames_no_page(bench: PageBench, monkeypatch: pytest.MonkeyPatch) -> None:
    register, failures = PageRegistrar.register, [MemoryError()]

    def short(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return register(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PageRegistrar, "register", short)
    bench.consumer.queue = [page_record(0)]
    bench.worker.run_once()
    assert bench.dead.letters == []
    assert [page.state for page in bench.store.kept.values()] == ["read"]
    assert bench.count("retries_total", stage="register") == 1


def test_breaker_opens_before_the_page_that_opens_it_is_written(bench: PageBench) -> None:
    bench.close()
    bad = [replace(page_record(n), value=b"\xff") for n in range(3)]
    bench = PageBench(FakeConsumer(bad), {"breaker_in_a_row": 2})
    bench.worker.run_once()
    with pytest.raises(TooManyDeadLetters):
        bench.worker.run()
    assert len(bench.dead.letters) == 1
    assert bench.consumer.commits == [{P0: 1}]


def test_stop_finishes_the_page_in_hand(bench: PageBench) -> None:
    bench.consumer.queue = [page_record(0), page_record(1)]
    bench.consumer.before_poll = bench.worker.stop
    bench.worker.run()
    assert bench.consumer.commits == [{P0: 1}]
    assert len(bench.consumer.queue) == 1


def test_idle_turn_commits_and_a_revoked_page_is_not_committed(bench: PageBench) -> None:
    assert bench.consumer.on_revoked is not None
    revoke = bench.consumer.on_revoked
    bench.consumer.queue = [page_record(0)]
    bench.store.failing = 1
    bench.consumer.in_keep_alive = lambda: revoke(frozenset({P0}))
    bench.worker.run_once()
    assert bench.consumer.commits == []
    bench.consumer.next_polled = {P0: 5}
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 5}]
