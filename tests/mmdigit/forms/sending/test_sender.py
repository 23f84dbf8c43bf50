"""Sending pages: each once, all acknowledged, the rest after an interruption, bad files told."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.printing.pdf import print_form
from mmdigit.forms.sending.scans import open_scans
from mmdigit.forms.sending.sender import PageSender, SendTally
from mmdigit.sending.destination import Destination
from mmdigit.sending.journal import Journal
from mmdigit.sending.progress import LineProgress
from schemas.errors import InvalidRecord, TransportError
from schemas.page import Page, page_id
from schemas.wire import decode_page
from tests.mmdigit.forms.written import TEMPLATE
from tests.worker.fakes import Closable

TOPIC = Destination("kafka://host/mmdigit.pages", is_new=False)


class FakeTopic(Closable):
    """Acknowledges on flush what `takes` lets in; refuses or fails as told."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.keys: list[bytes | None] = []
        self.takes = 1000
        self.refused = -1
        self._buffer: list[tuple[bytes | None, bytes, Callable[[], object] | None]] = []

    def send(
        self,
        key: bytes | None,
        value: bytes,
        on_delivered: Callable[[], object] | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        if decode_page(value).number == self.refused:
            raise InvalidRecord("expected a smaller record")
        self._buffer.append((key, value, on_delivered))

    def flush(self, timeout_s: float) -> None:
        while self._buffer and self.takes:
            key, value, on_delivered = self._buffer.pop(0)
            self.takes -= 1
            self.keys.append(key)
            self.pages.append(decode_page(value))
            if on_delivered is not None:
                on_delivered()
        if self._buffer:
            raise TransportError("broker away")


class Sending:
    """Scans in a folder, a journal and a topic."""

    def __init__(self, folder: Path) -> None:
        self.scans = folder / "scans"
        self.scans.mkdir()
        (self.scans / "a.pdf").write_bytes(print_form(TEMPLATE, 3))
        (self.scans / "b.pdf").write_bytes(print_form(TEMPLATE, 1, 9))
        self.topic, self.said = FakeTopic(), io.StringIO()
        self.journal_dir = folder / "journal"
        self.split: list[bytes] = []

    @contextmanager
    def sender(self) -> Iterator[PageSender]:
        class Counting(PageDecoder):
            def split(decoder, content: bytes):  # type: ignore[no-untyped-def]  # noqa: N805
                self.split.append(content)
                return super().split(content)

        with Journal.open(self.journal_dir, TOPIC, "pages") as journal, Counting() as decoder:
            progress = LineProgress("files", 2, self.said, lambda: 0.0)
            yield PageSender(self.topic, journal, decoder, progress, lambda: 0.0, lambda: datetime.now(UTC))

    def run(self) -> SendTally:
        self.split.clear()
        with self.sender() as sender:
            return sender.run(open_scans(str(self.scans)))


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    return Sending(tmp_path)


def test_run_sends_each_page_under_its_id(sending: Sending) -> None:
    assert sending.run() == SendTally(files=2, sent=4)
    assert [(page.file_name, page.number) for page in sending.topic.pages] == [
        *(("a.pdf", number) for number in (1, 2, 3)),
        ("b.pdf", 1),
    ]
    assert sending.topic.keys == [page_id(page.file_sha256, page.number).encode() for page in sending.topic.pages]
    assert "mmdigit form print" in sending.topic.pages[0].scanner


def test_second_run_sends_nothing_and_splits_nothing(sending: Sending) -> None:
    sending.run()
    assert sending.run() == SendTally(files=2, resumed=2)
    assert sending.split == []
    assert len(sending.topic.pages) == 4


def test_run_goes_on_with_what_was_not_acknowledged(sending: Sending) -> None:
    sending.topic.takes = 2
    with pytest.raises(TransportError):
        sending.run()
    assert "run the same command again to send the rest" in sending.said.getvalue()
    sending.topic = topic = FakeTopic()
    assert sending.run() == SendTally(files=2, sent=2, resumed=2)
    assert [(page.file_name, page.number) for page in topic.pages] == [("a.pdf", 3), ("b.pdf", 1)]
    assert sending.run() == SendTally(files=2, resumed=2)


def test_bad_file_is_told_and_stops_no_other(sending: Sending) -> None:
    (sending.scans / "a2.pdf").write_bytes(b"%PDF-1.4 nothing")
    (sending.scans / "a3.png").mkdir()
    assert sending.run() == SendTally(files=4, sent=4, failed=2)
    said = sending.said.getvalue()
    assert "mmdigit: a2.pdf, page 1: not sent: expected a whole PDF" in said
    assert "mmdigit: a3.png: not sent: it cannot be read" in said
    assert sending.run() == SendTally(files=4, resumed=2, failed=2)


def test_page_that_the_topic_refuses_is_told_and_tried_again(sending: Sending) -> None:
    sending.topic.refused = 2
    assert sending.run() == SendTally(files=2, sent=3, failed=1)
    assert "mmdigit: a.pdf, page 2: not sent: expected a smaller record" in sending.said.getvalue()
    sending.topic.refused = -1
    assert sending.run() == SendTally(files=2, sent=1, resumed=3)


def test_pages_refused_by_the_broker_are_counted(sending: Sending) -> None:
    flush, refusals = sending.topic.flush, [InvalidRecord("too large")]

    def refuses(timeout_s: float) -> None:
        if refusals:
            sending.topic._buffer.pop()
            raise refusals.pop()
        flush(timeout_s)

    sending.topic.flush = refuses  # type: ignore[method-assign]
    assert sending.run() == SendTally(files=2, sent=3, failed=1)
    assert "1 pages were refused: too large" in sending.said.getvalue()


def test_interruption_keeps_what_is_acknowledged(sending: Sending) -> None:
    with sending.sender() as sender:
        scans = open_scans(str(sending.scans))
        read = scans.read

        def interrupted(name: str) -> bytes:
            if name == "b.pdf":
                raise KeyboardInterrupt
            return read(name)

        scans.read = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            sender.run(scans)
    assert sending.run() == SendTally(files=2, sent=1, resumed=1)
