"""Pages to send: filled copies of the example form, and among them records that are no pages."""

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import ScannedPage, SinglePage
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.sheets.keeping import PageOrigin
from mmdigit.forms.template.parsing import example, parse_template
from mmdigit.forms.template.template import Template
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.transport.urls import open_publisher
from samples.demo_forms import COPIES, fill_stack
from schemas.page import Page, page_id
from schemas.wire import encode

FORM = example()
SENT_WITHIN_S = 90.0


@dataclass(frozen=True, eq=False)
class FilledPage:
    """content: the scanned page as a file of its own. scanned: what is decoded from it."""

    content: bytes
    scanned: ScannedPage


@cache
def form_template() -> Template:
    return parse_template(FORM)


@cache
def filled_pages() -> tuple[FilledPage, ...]:
    """The scans of samples.demo_forms: filled copies, one of them upside down, one scanned twice."""
    with tempfile.TemporaryDirectory() as folder, PageDecoder() as splitter, PageDecoder() as decoder:
        stack, scans = Path(folder) / "stack.pdf", Path(folder) / "scans.pdf"
        stack.write_bytes(print_form(form_template(), COPIES))
        fill_stack(form_template(), stack, scans)
        found = []
        for page in splitter.split(scans.read_bytes()):
            if isinstance(page, SinglePage):
                [scanned] = decoder.decode(page.content)
                if isinstance(scanned, ScannedPage):
                    found.append(FilledPage(page.content, scanned))
    return tuple(found)


class PageRecords:
    """The records of one run: number n carries page n modulo their number, as if of a file of its own."""

    def __init__(self, run: str, foreign_every: int) -> None:
        """foreign_every: one record in so many is no page."""
        self.acknowledged: list[int] = []
        """Numbers of the records that the topic acknowledged."""
        self._run = run
        self._foreign_every = foreign_every
        self._sent = 0

    def send(self, url: str, records: int) -> None:
        """Send that many more; returns when all are acknowledged. Raises TransportError if they are not."""
        with open_publisher(url) as publisher:
            for number in range(self._sent, self._sent + records):
                key, value = self._record(number)

                def acknowledged(number: int = number) -> None:
                    self.acknowledged.append(number)

                publisher.send(key, value, acknowledged)
            self._sent += records
            publisher.flush(SENT_WITHIN_S)

    def is_page(self, number: int) -> bool:
        return number % self._foreign_every != self._foreign_every - 1

    def foreign(self, number: int) -> bytes:
        """The value of a record that is no page."""
        return f"{self._run}: record {number} is no page".encode()

    def file_sha256(self, number: int) -> str:
        return hashlib.sha256(f"{self._run}\0{number}".encode()).hexdigest()

    def registered(self, number: int, registrar: PageRegistrar) -> RegisteredPage:
        """The page and its jobs as one undisturbed process registers it."""
        origin = PageOrigin(self._file_name(number), self.file_sha256(number), datetime.now(UTC))
        scanned = filled_pages()[number % len(filled_pages())].scanned
        return registrar.register(ScannedPage(1, scanned.pixels, scanned.dpi), origin)

    def _record(self, number: int) -> tuple[bytes, bytes]:
        sha256 = self.file_sha256(number)
        if not self.is_page(number):
            return page_id(sha256, 1).encode(), self.foreign(number)
        page = Page(
            file_name=self._file_name(number),
            file_sha256=sha256,
            number=1,
            content=filled_pages()[number % len(filled_pages())].content,
            created_at=datetime.now(UTC),
        )
        return page_id(sha256, 1).encode(), encode(page, "msgpack")

    def _file_name(self, number: int) -> str:
        return f"{self._run}-{number}.pdf"
