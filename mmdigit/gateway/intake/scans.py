"""A scanned file in a request, on its way to the topic of pages."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mmdigit.forms.pages.page import PageFault, SinglePage
from mmdigit.forms.sending.records import record_of
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.intake.bodies import media_type, spooled_body, stream_body
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.services import Services
from schemas.api import RejectedPage
from schemas.errors import InvalidRecord
from schemas.page import MAX_RECORDINGS, MAX_RECORDINGS_BYTES, RECORDING_NAME, WHOLE_PAGE
from schemas.printable import printable

SUFFIXES = {"application/pdf": "pdf", "image/tiff": "tif", "image/png": "png", "image/jpeg": "jpg"}
FORM = "multipart/form-data"
MAX_SCAN_BYTES = 64 * 1024 * 1024
RECORDING = "recording"
"""The part of a form that holds the recording of all spoken fields of a page; with a dot and a name, of one field."""
MAX_REJECTIONS = 100
_MAX_ERROR = 300


@dataclass(frozen=True)
class ReceivedScan:
    """file: anonymous. name: for people. recordings: of its spoken fields, as in Page.recordings."""

    file: BinaryIO
    name: str
    recordings: Mapping[str, bytes] = field(default_factory=dict)


@asynccontextmanager
async def received_scan(request: Request, services: Services) -> AsyncIterator[ReceivedScan]:
    """The scan in the request's body, with the recordings beside it in a form.

    Raises Problem: 413 if it is too large, 415 for another media type, 422 if the form has no file `scan`, or other
    files than that and recordings within the limits of a page.
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
            yield ReceivedScan(spooled, f"scan.{SUFFIXES[kind]}")
        return
    body = stream_body(request, limit_bytes)
    parser = MultiPartParser(
        request.headers, cast(AsyncGenerator[bytes, None], body), max_files=1 + MAX_RECORDINGS, max_fields=0
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as exc:
        raise _invalid(f"got another form ({printable(str(exc), 200)})") from exc
    try:
        scans = form.getlist("scan")
        if len(scans) != 1 or not isinstance(scans[0], UploadFile):
            raise _invalid(f"got {len(scans) or 'none'}")
        recordings = await asyncio.to_thread(_recordings, form)
        yield ReceivedScan(scans[0].file, scans[0].filename or "scan", recordings)
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


async def send_scan(scan: ReceivedScan, tenant: str, services: Services, forms: Forms) -> SentScan:
    """Publish every page of a scan, and return when all are acknowledged; a bad page stops no other.

    Raises TransportError if the topic does not take them, Problem (422) for recordings with more than one page.
    """
    async with forms.decoders.one() as decoder:
        content = await asyncio.to_thread(_content, scan.file)
        sent = SentScan(await asyncio.to_thread(_sha256, content))
        with closing(cast("Generator[SinglePage | PageFault]", decoder.split(content))) as pages:
            following = await asyncio.to_thread(_next, pages)
            while (page := following) is not None:
                following = await asyncio.to_thread(_next, pages)
                if following is not None and scan.recordings:
                    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, _ONE_PAGE)
                if isinstance(page, PageFault):
                    sent.reject(page.number, page.message)
                    continue
                try:
                    record = record_of(
                        page, scan.name, sent.sha256, services.now(), tenant or None, scan.recordings
                    )  # fmt: skip
                    await forms.publisher.publish([record])
                except InvalidRecord as exc:
                    sent.reject(page.number, str(exc))
                else:
                    sent.numbers.append(page.number)
    return sent


def _recordings(form: FormData) -> dict[str, bytes]:
    """By field. Raises Problem (422) for another file, one twice, or too many or too large ones."""
    found: dict[str, bytes] = {}
    size = 0
    for part, upload in form.multi_items():
        if part == "scan" or not isinstance(upload, UploadFile):
            continue
        prefix, _, name = part.partition(".")
        name = WHOLE_PAGE if part == RECORDING else name
        if prefix != RECORDING or not re.fullmatch(RECORDING_NAME, name) or name in found:
            raise _invalid_recordings(
                f"each once, as recording.FIELD or recording, got {printable(part, 60)}; name it so"
            )
        size += upload.size or 0
        if size > MAX_RECORDINGS_BYTES:
            raise _invalid_recordings(f"of at most {MAX_RECORDINGS_BYTES} bytes together, got more; shorten them")
        upload.file.seek(0)
        found[name] = upload.file.read()
    return found


def _content(scan: BinaryIO) -> bytes:
    scan.seek(0)
    return scan.read()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _next(pages: Iterator[SinglePage | PageFault]) -> SinglePage | PageFault | None:
    return next(pages, None)


def _invalid(what: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a form with one file, scan: {what}; send -F scan=@FILE")


def _invalid_recordings(what: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected recordings beside the scan, {what}")


_ONE_PAGE = "expected a scan of one page with its recordings, got more pages; send each page with its own"
