"""Sends every page of scanned files once, and returns when all are acknowledged; a bad file stops no other."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, SinglePage
from mmdigit.forms.sending.records import record_of
from mmdigit.forms.sending.scans import Scans
from mmdigit.forms.sending.spoken_pages import SpokenPages
from mmdigit.sending.journal import Journal
from mmdigit.sending.progress import Progress
from mmdigit.transport.ports import Publisher
from schemas.errors import DataError, InvalidRecord, MmdigitError, UnreadableScan
from schemas.page import page_id
from schemas.printable import printable

DELIVERY_TIMEOUT_S = 120.0
INTERRUPTED_FLUSH_S = 5.0
JOURNAL_EVERY_S = 1.0
WHOLE_FILE = 0
"""Stands for a page's number in the journal once all pages of a file are acknowledged: it is not split again."""


@dataclass
class SendTally:
    """What became of a run. resumed: pages and files that an earlier run has sent. failed: pages and files that could
    not be sent."""

    files: int = 0
    sent: int = 0
    resumed: int = 0
    failed: int = 0


class _FileInFlight:
    """The pages of a file that are not acknowledged yet. The last acknowledgement, in any thread, ends it."""

    def __init__(self, finish: Callable[[], object]) -> None:
        self._finish = finish
        self._unacknowledged = {WHOLE_FILE}  # until the whole file is sent

    def add(self, number: int) -> None:
        self._unacknowledged.add(number)

    def acknowledge(self, number: int) -> None:
        self._unacknowledged.discard(number)
        if not self._unacknowledged:
            self._finish()


class PageSender:
    """One run over scans: sends the pages that the journal does not know."""

    def __init__(
        self,
        publisher: Publisher,
        journal: Journal,
        decoder: PageDecoder,
        progress: Progress,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        spoken: SpokenPages | None = None,
    ) -> None:
        """spoken: where recordings go with the pages."""
        self._publisher = publisher
        self._journal = journal
        self._decoder = decoder
        self._spoken = spoken
        self._progress = progress
        self._monotonic = monotonic
        self._now = now
        self._start_s = self._last_write_s = monotonic()
        self._unacknowledged: set[str] = set()
        self.tally = SendTally()

    def run(self, scans: Scans) -> SendTally:
        """Send the pages, and return when all are acknowledged.

        Raises TransportError if the topic does not take them. However the run ends, the journal holds what is
        acknowledged, so that the next one sends only the rest.
        """
        try:
            for name in scans.names:
                self._send_file(name, scans)
                self.tally.files += 1
                if self._monotonic() - self._last_write_s >= JOURNAL_EVERY_S:
                    self._write_journal()
            self._flush()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                with suppress(MmdigitError):
                    self._publisher.flush(INTERRUPTED_FLUSH_S)
            self._journal.write()
            self._progress.line("run the same command again to send the rest")
            raise
        self._write_journal()
        return self.tally

    def _send_file(self, name: str, scans: Scans) -> None:
        try:
            content = scans.read(name)
        except UnreadableScan as exc:
            self._fail(name, None, str(exc))
            return
        sha256 = hashlib.sha256(content).hexdigest()
        whole = page_id(sha256, WHOLE_FILE)
        if whole in self._journal:
            self.tally.resumed += 1
            return
        in_flight, complete = _FileInFlight(partial(self._journal.acknowledge, whole)), True
        for page in self._decoder.split(content):
            if isinstance(page, PageFault):
                complete = False
                self._fail(name, page.number, page.message)
            else:
                complete &= self._send_page(name, sha256, page, in_flight)
        if complete:
            in_flight.acknowledge(WHOLE_FILE)

    def _send_page(self, name: str, sha256: str, page: SinglePage, in_flight: _FileInFlight) -> bool:
        """Whether the page is sent, now or earlier."""
        name_of_page = page_id(sha256, page.number)
        if name_of_page in self._journal:
            self.tally.resumed += 1
            return True
        try:
            recordings = self._recordings_of(page)
            record = record_of(page, name, sha256, self._now(), recordings=recordings)
        except (DataError, InvalidRecord) as exc:
            self._fail(name, page.number, str(exc))
            return False
        in_flight.add(page.number)
        self._unacknowledged.add(name_of_page)

        def acknowledged() -> None:
            self._journal.acknowledge(name_of_page)
            in_flight.acknowledge(page.number)
            self._unacknowledged.discard(name_of_page)

        try:
            self._publisher.send(record.key, record.value, acknowledged)
        except InvalidRecord as exc:
            self._unacknowledged.discard(name_of_page)
            self._fail(name, page.number, str(exc))
            return False
        self.tally.sent += 1
        return True

    def _recordings_of(self, page: SinglePage) -> dict[str, bytes]:
        if self._spoken is None:
            return {}
        try:
            return self._spoken.recordings_of(page.content)
        except (DataError, MemoryError):
            raise
        except Exception as exc:  # a scan may hold anything: one page must not end the sending of the others
            raise DataError(
                f"expected a page whose form can be found, got an error ({type(exc).__name__}); please report it"
            ) from exc

    def _flush(self) -> None:
        try:
            self._publisher.flush(DELIVERY_TIMEOUT_S)
        except InvalidRecord as error:
            # The broker refused some pages only now; the others still need their acknowledgement.
            self._publisher.flush(DELIVERY_TIMEOUT_S)
            refused = len(self._unacknowledged)
            self.tally.sent -= refused
            self.tally.failed += refused
            self._progress.line(f"{refused} pages were refused: {error}")

    def _fail(self, name: str, number: int | None, message: str) -> None:
        self.tally.failed += 1
        place = printable(name, 200) if number is None else f"{printable(name, 200)}, page {number}"
        self._progress.line(f"mmdigit: {place}: not sent: {message}")

    def _write_journal(self) -> None:
        self._journal.write()
        self._last_write_s = self._monotonic()
        elapsed_s = self._last_write_s - self._start_s
        rate = f", {60 * self.tally.sent / elapsed_s:.0f} pages a minute" if elapsed_s > 0 else ""
        failed = f", {self.tally.failed} failed" if self.tally.failed else ""
        waiting = f", {len(self._unacknowledged)} not acknowledged yet" if self._unacknowledged else ""
        self._progress.update(self.tally.files, f"{self.tally.sent} pages sent{waiting}{failed}{rate}")
