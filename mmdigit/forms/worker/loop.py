"""The loop, `PageWorker.run_once`: poll, decode, register, publish the jobs, keep the page, commit."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from mmdigit.consuming.dead_letters import make_dead_letter, source_of
from mmdigit.consuming.loop import ConsumingLoop
from mmdigit.consuming.publishing import Outgoing, Unacknowledged
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.sheets.keeping import PageOrigin
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.worker.metrics import PageMetrics
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.transport.ports import Consumer, Publisher, Record
from schemas.dead_letter import DeadLetter
from schemas.errors import DecoderFailed, InvalidJob, InvalidRecord, ModelError, SettingsError
from schemas.page import Page, page_id
from schemas.trace import trace_headers, trace_of, traceparent_of
from schemas.wire import decode_page, encode

log = logging.getLogger(__name__)

DECODINGS = 2


class PageWorker(ConsumingLoop):
    """Commits a page only after its jobs are acknowledged and it is kept, or its dead letter is acknowledged.

    A page that is delivered again publishes the same job ids again, and is kept once.
    """

    def __init__(
        self,
        settings: PageWorkerSettings,
        decoder: PageDecoder,
        registrar: PageRegistrar,
        consumer: Consumer,
        jobs: Publisher,
        store: PageStore,
        dead_letters: Publisher,
        metrics: PageMetrics,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(settings, consumer, dead_letters, metrics, clock)
        self._decoder = decoder
        self._registrar = registrar
        self._jobs = jobs
        self._store = store
        self._metrics = metrics
        self._now = now
        self.kept = 0
        """Pages since the start."""

    def run_once(self) -> None:
        """One turn: poll one page, decode and register it, publish its jobs, keep it, and commit."""
        records = self._poll()
        for record in records:
            self._finish(record)
        if not records:
            self._committer.commit_now()

    def _finish(self, record: Record) -> None:
        """Read the page, publish its jobs, keep it, or dead-letter its record, and only then let it be committed."""
        page, registered, letter = self._read(record)
        letters = [letter] if letter is not None else []
        self._breaker.count(letters or [registered])
        if registered is not None:
            with self._metrics.stage("publish"):
                if not self._has_other_sounds(registered):
                    self._publish_jobs(record, registered)
            with self._metrics.stage("store"):
                self._retry("store", lambda: self._store.put_pages([registered.page]))
        with self._metrics.stage("dead_letter"):
            self._publish_dead_letters(letters)
        self._offsets.finish([record])
        with self._metrics.stage("commit"):
            self._committer.commit_if_due()
        if page is not None and registered is not None:
            self.kept += 1
            self._metrics.count_page(registered, page.created_at, self._now())
        for letter in letters:
            self._metrics.dead_letters.labels(letter.reason).inc()
        self._log_dead_letters(letters)
        self._last_busy_s = self._clock()

    def _read(self, record: Record) -> tuple[Page | None, RegisteredPage | None, DeadLetter | None]:
        """The page, what is kept of it, and its dead letter; each None if there is none."""
        try:
            page = decode_page(record.value)
        except InvalidRecord as error:
            return None, None, self._dead_letter(record, None, error)
        with self._metrics.stage("decode"):
            scanned, dead = self._decode(record, page)
        self._last_turn_s = self._clock()  # a page may take as long as the decoder's limit: the loop is not stuck
        with self._metrics.stage("register"):
            registered, failed = self._retry("register", lambda: self._register(record, page, scanned))
        return page, registered, dead or failed

    def _dead_letter(self, record: Record, page: Page | None, error: InvalidJob) -> DeadLetter:
        name = None if page is None else page_id(page.file_sha256, page.number)
        return make_dead_letter(record, error, self._now(), self._attempt, job_id=name)

    def _decode(self, record: Record, page: Page) -> tuple[ScannedPage | PageFault, DeadLetter | None]:
        """The page's pixels; a page is blamed if it ends the decoder twice, since the kernel may have ended it once."""
        for attempt in range(1, DECODINGS + 1):
            first, *more = self._retry("decode", lambda: list(islice(self._pages(page.content), 2)))
            self._attempt = attempt
            if not (isinstance(first, PageFault) and first.ended_decoder):
                break
            if attempt == DECODINGS:
                return first, self._dead_letter(record, page, DecoderFailed(first.message))
            self._last_turn_s = self._clock()
            self._keep_alive()
        if more:
            message = "expected one page in a record, got more; send each page in a record of its own"
            fault = PageFault(page.number, "unreadable", message)
            return fault, self._dead_letter(record, page, InvalidRecord(message))
        return first, None

    def _pages(self, content: bytes) -> Iterator[ScannedPage | PageFault]:
        try:
            yield from self._decoder.decode(content)
        except OSError as exc:
            raise ModelError(f"expected to start the process that decodes pages, got: {exc.strerror}") from exc

    def _register(
        self, record: Record, page: Page, scanned: ScannedPage | PageFault
    ) -> tuple[RegisteredPage, DeadLetter | None]:
        origin = PageOrigin(page.file_name, page.file_sha256, self._now(), page.scanner, page.tenant)
        try:
            return self._registrar.register(replace(scanned, number=page.number), origin, page.recordings), None
        except MemoryError as exc:
            raise ModelError("expected enough memory to register a page, got too little; give the worker more") from exc
        except Exception as exc:
            # Raising would stop the worker here again after each restart.
            log.error("a page failed unexpectedly; please report it", extra=dict(source_of(record)), exc_info=exc)
            fault = PageFault(page.number, "unreadable", "expected a page that can be registered, got an error")
            failed = self._dead_letter(record, page, DecoderFailed(f"{type(exc).__name__}: {exc}"))
            return self._registrar.register(fault, origin), failed

    def _has_other_sounds(self, registered: RegisteredPage) -> bool:
        """Whether the page is kept with other recordings: they stay, since its fields are decided and shown by them."""
        group = registered.page.group
        kept = self._retry("store", lambda: self._store.heard(group))
        other = kept is not None and kept != registered.page.heard
        if other:
            log.warning("a page came again with other recordings; the first ones stay", extra={"group": group})
        return other

    def _publish_jobs(self, record: Record, registered: RegisteredPage) -> None:
        """Publish the jobs of a page until all are acknowledged, in the trace of the page."""
        trace = trace_of(record.headers)
        headers = trace_headers(traceparent_of(trace) if trace else None)
        outgoing = [Outgoing(job.job_id.encode(), encode(job, "msgpack"), headers) for job in registered.jobs]
        if not outgoing:
            return
        try:
            self._retry("publish", Unacknowledged(self._jobs, outgoing, "jobs").publish)
        except InvalidRecord as exc:
            raise SettingsError(
                f"expected a topic of jobs that takes 20 KB, got: {exc}; raise its max.message.bytes"
            ) from exc
