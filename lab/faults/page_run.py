"""Runs one fault of the page worker: pages, injections with recovery, check; makes its row of the report."""

import random
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from lab.faults.fault import PageFault, Scene
from lab.faults.page_check import check_pages
from lab.faults.page_records import FORM, PageRecords, form_template
from lab.faults.run import MAX_DELAY_S, RECOVERY_WITHIN_S, STALLED_AFTER_S, Log, Row, temporary_folder
from lab.faults.services import PageUrls, Services
from lab.faults.workers import Workers
from lab.kit.polling import happens_within, wait_for_count
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.transport.urls import dead_letter_url, open_consumer
from samples.running import RunningConsumer
from schemas.errors import MmdigitError, RetriableError
from schemas.wire import decode_dead_letter


def run_page_fault(
    fault: PageFault, services: Services, draw: random.Random, log: Log, logs_folder: Path | None = None
) -> Row:
    """The row of one fault; its jobs are records of pages, its answered ones pages that are kept, its duplicates jobs
    that were published again. logs_folder: as for lab.faults.run.run_fault."""
    row = Row(fault.name)
    began_s = time.monotonic()
    with ExitStack() as stack:
        folder = logs_folder or stack.enter_context(temporary_folder())
        folder.mkdir(parents=True, exist_ok=True)
        urls = services.new_page_run()
        sent = PageRecords(services.topic, fault.foreign_every)
        outcomes = stack.enter_context(Outcomes(urls))
        form = folder / "form.yaml"
        form.write_bytes(FORM)
        command = [
            *(sys.executable, "-m", "mmdigit.forms", "worker", "--from", urls.pages_url, "--jobs", urls.jobs_url),
            *("--forms", urls.forms_url, "--template", str(form)),
        ]
        with Workers(partial(RunningConsumer, command), folder) as workers:
            workers.wait_until_assigned()
            scene = Scene(services, workers, draw)
            for _ in range(fault.times):
                _inject(fault, scene, urls, sent, outcomes, row)
                took = f"{row.recoveries_s[-1]:.1f} s" if row.recoveries_s else "never"
                log(f"{fault.name}: {row.times}/{fault.times}, recovery: {took}")
        row.problems += workers.problems
        found = check_pages(urls.pages_url, urls.jobs_url, outcomes.forms, sent)
        row.jobs, row.answered, row.dead = len(sent.acknowledged), found.kept, found.dead
        row.lost, row.wrong, row.duplicates = len(found.lost), len(found.wrong), found.jobs_twice
        if found.kept_twice or found.strays:
            row.problems.append(
                f"{found.kept_twice} pages were kept twice, {found.strays} outcomes are of no record sent"
            )
        if fault.no_duplicates and row.duplicates:
            row.problems.append(f"expected no job published twice, got {row.duplicates}")
        if failed := [*found.lost, *found.wrong]:
            log(f"{fault.name}: lost or wrong: {', '.join(map(str, failed[:5]))}")
    row.seconds = time.monotonic() - began_s
    return row


class Outcomes(AbstractContextManager["Outcomes"]):
    """Counts the records that have an outcome: a kept page, or a dead letter."""

    def __init__(self, urls: PageUrls) -> None:
        self.forms = open_page_store(urls.forms_url, None)
        self._dead_letters = open_consumer(dead_letter_url(urls.pages_url), group="faults-watch")
        self._dead: set[bytes] = set()
        self._kept = 0

    def count(self) -> int:
        """As many as are known while a service is away."""
        try:
            records = self._dead_letters.poll(500, 0.02)
            self._dead |= {decode_dead_letter(record.value).original for record in records}
            self._kept = self.forms.counts(form_template().digest).pages
        except RetriableError:
            pass
        return self._kept + len(self._dead)

    def __exit__(self, *exc_info: object) -> None:
        self._dead_letters.close()
        self.forms.close()


def _inject(fault: PageFault, scene: Scene, urls: PageUrls, sent: PageRecords, outcomes: Outcomes, row: Row) -> None:
    """Inject the fault once while the workers read a burst, and wait until every record has its outcome."""
    done = len(sent.acknowledged)
    sent.send(urls.pages_url, fault.burst)
    if not happens_within(RECOVERY_WITHIN_S, lambda: outcomes.count() > done):
        row.problems.append(f"no page was read within {RECOVERY_WITHIN_S:.0f} s of burst {row.times + 1}")
    time.sleep(scene.draw.uniform(0, MAX_DELAY_S))
    try:
        fault.inject(scene)
    except MmdigitError as error:
        row.problems.append(f"injection {row.times + 1} failed: {error}")
    ended_s = time.monotonic()
    row.times += 1
    total = len(sent.acknowledged)
    left = total - wait_for_count(outcomes.count, total, stalled_after_s=STALLED_AFTER_S)
    scene.workers.check_running()
    if left:
        row.problems.append(f"{left} records had no outcome when none had arrived for {STALLED_AFTER_S:.0f} s")
    else:
        row.recoveries_s.append(time.monotonic() - ended_s)
