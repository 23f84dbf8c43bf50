"""A scan on its way to the topic: a page that fails stops no other, and what is told of it is bounded."""

import asyncio
import io
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from mmdigit.consuming.publishing import Outgoing
from mmdigit.forms.printing.pdf import print_form
from mmdigit.gateway.forms import Decoders, Forms
from mmdigit.gateway.intake.scans import MAX_REJECTIONS, ReceivedScan, SentScan, send_scan
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.services import Services
from schemas.errors import InvalidRecord, TransportError
from schemas.page import Page
from schemas.wire import decode_page
from tests.mmdigit.forms.written import TEMPLATE
from tests.worker.fakes import NOON


class FakeTopic:
    """Takes every page but one; none while it is away."""

    def __init__(self, refused: int = 0, *, is_away: bool = False) -> None:
        self.pages: list[Page] = []
        self.refused = refused
        self.is_away = is_away

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise TransportError("broker away")
        for page in (decode_page(record.value) for record in records):
            if page.number == self.refused:
                raise InvalidRecord("expected a smaller record")
            self.pages.append(page)


def send(topic: FakeTopic, tenant: str = "", copies: int = 3, **recordings: bytes) -> SentScan:
    async def run() -> SentScan:
        services = cast(Services, SimpleNamespace(now=lambda: NOON))
        with Decoders(1) as decoders:
            forms = cast(Forms, SimpleNamespace(publisher=topic, decoders=decoders))
            scan = ReceivedScan(io.BytesIO(print_form(TEMPLATE, copies)), "a\x1b.pdf", recordings)
            return await send_scan(scan, tenant, services, forms)

    return asyncio.run(run())


def test_refused_page_is_rejected_alone() -> None:
    topic = FakeTopic(refused=2)
    sent = send(topic, "blue")
    assert sent.numbers == [1, *range(3, 3 * len(TEMPLATE.pages) + 1)]
    assert [(each.page, each.error) for each in sent.rejections] == [(2, "expected a smaller record")]
    assert [page.number for page in topic.pages] == sent.numbers
    assert {(page.tenant, page.file_sha256) for page in topic.pages} == {("blue", sent.sha256)}
    assert topic.pages[0].file_name == "a\\x1b.pdf"


def test_recordings_go_with_a_single_page() -> None:
    topic = FakeTopic()
    assert send(topic, copies=1, member=b"sound").numbers == [1]
    assert [page.recordings for page in topic.pages] == [{"member": b"sound"}]
    with pytest.raises(Problem, match="expected a scan of one page with its recordings, got more pages"):
        send(topic, copies=2, member=b"sound")
    assert len(topic.pages) == 1


def test_topic_that_is_away_ends_the_scan() -> None:
    with pytest.raises(TransportError):
        send(FakeTopic(is_away=True))


def test_only_the_first_rejections_are_listed() -> None:
    sent = SentScan("0" * 64)
    for number in range(1000):
        sent.reject(number, "x" * 10_000)
    assert (sent.rejected, len(sent.rejections)) == (1000, MAX_REJECTIONS)
    assert len(sent.rejections[0].error) < 310
