"""A scanned file in a request, on its way to the topic of pages."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mmdigit.forms.pages.page import PageFault, SinglePage
from mmdigit.forms.sending.records import record_of
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.intake.bodies import media_type, spooled_body, stream_body
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.services import Services
from schemas.api import RejectedPage
from schemas.errors import InvalidRecord
from schemas.printable import printable

SUFFIXES = {"application/pdf": "pdf", "image/tiff": "tif", "image/png": "png", "image/jpeg": "jpg"}
FORM = "multipart/form-data"
MAX_SCAN_BYTES = 64 * 1024 * 1024
MAX_REJECTIONS = 100
_MAX_ERROR = 300


@asynccontextmanager
async def received_scan(request: Request, services: Services) -> AsyncIterator[tuple[BinaryIO, str]]:
    """The scan in the request's body, in an anonymous file, and its name for people.

    Raises Problem: 413 if it is too large, 415 for another media type, 422 if the form has no file `scan`.
    """
    kind = media_type(request)
    if kind != FORM and kind not in SUFFIXES:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected {', '.join(SUFFIXES)} or {FORM}, got {printable(kind) or 'no Content-Type'}; "
            "with curl, send -F scan=@FILE",
        )
    limit_bytes = min(services.max_batch_bytes, MAX_SCAN_BYTES)
    if kind in SUFFIXES:
        async with spooled_body(request, limit_bytes) as spooled:
            yield spooled, f"scan.{SUFFIXES[kind]}"
        return
    body = stream_body(request, limit_bytes)
    parser = MultiPartParser(request.headers, cast(AsyncGenerator[bytes, None], body), max_files=1, max_fields=0)
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as exc:
        raise _invalid(f"got another form ({printable(str(exc), 200)})") from exc
    try:
        scan = form.get("scan")
        if not isinstance(scan, UploadFile):
            raise _invalid("got none")
        yield scan.file, scan.filename or "scan"
    finally:
        await form.close()


@dataclass
class SentScan:
    """What became of a scan. numbers: of the pages that the topic has acknowledged, in the file, from 1."""

    sha256: str
    numbers: list[int] = field(default_factory=list)
    rejected: int = 0
    rejections: list[RejectedPage] = field(default_factory=list)
    """The first MAX_REJECTIONS of them."""

    def reject(self, number: int, error: str) -> None:
        self.rejected += 1
        if len(self.rejections) < MAX_REJECTIONS:
            self.rejections.append(RejectedPage(page=number, error=printable(error, _MAX_ERROR)))


async def send_scan(scan: BinaryIO, name: str, tenant: str, services: Services, forms: Forms) -> SentScan:
    """Publish every page of a scan, and return when all are acknowledged; a bad page stops no other.

    Raises TransportError if the topic does not take them.
    """
    async with forms.decoders.one() as decoder:
        content = await asyncio.to_thread(_content, scan)
        sent = SentScan(await asyncio.to_thread(_sha256, content))
        with closing(cast("Generator[SinglePage | PageFault]", decoder.split(content))) as pages:
            while (page := await asyncio.to_thread(_next, pages)) is not None:
                if isinstance(page, PageFault):
                    sent.reject(page.number, page.message)
                    continue
                record = record_of(page, name, sent.sha256, services.now(), tenant or None)
                try:
                    await forms.publisher.publish([record])
                except InvalidRecord as exc:
                    sent.reject(page.number, str(exc))
                else:
                    sent.numbers.append(page.number)
    return sent


def _content(scan: BinaryIO) -> bytes:
    scan.seek(0)
    return scan.read()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _next(pages: Iterator[SinglePage | PageFault]) -> SinglePage | PageFault | None:
    return next(pages, None)


def _invalid(what: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a form with one file, scan: {what}; send -F scan=@FILE")
