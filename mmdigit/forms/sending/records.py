"""A page of a scanned file as the record of the topic of pages."""

from collections.abc import Mapping
from datetime import datetime

from mmdigit.consuming.publishing import Outgoing
from mmdigit.forms.pages.page import SinglePage
from schemas.errors import InvalidRecord
from schemas.page import MAX_NAME_CHARACTERS, MAX_RECORDINGS, MAX_RECORDINGS_BYTES, Page, page_id
from schemas.printable import printable
from schemas.wire import encode


def record_of(
    page: SinglePage,
    file_name: str,
    file_sha256: str,
    created_at: datetime,
    tenant: str | None = None,
    recordings: Mapping[str, bytes] | None = None,
) -> Outgoing:
    """file_name: for people. file_sha256: of the whole file. tenant, recordings: see Page. Raises InvalidRecord if the
    recordings are too many or too large."""
    require_recordings(recordings or {})
    record = Page(
        file_name=printable(file_name, MAX_NAME_CHARACTERS - 3),
        file_sha256=file_sha256,
        number=page.number,
        content=page.content,
        scanner=page.scanner,
        tenant=tenant,
        recordings=dict(recordings) if recordings else None,
        created_at=created_at,
    )
    return Outgoing(page_id(file_sha256, page.number).encode(), encode(record, "msgpack"))


def require_recordings(recordings: Mapping[str, bytes]) -> None:
    """Raises InvalidRecord if a page cannot carry so many recordings, or so large ones."""
    size = sum(map(len, recordings.values()))
    if len(recordings) > MAX_RECORDINGS or size > MAX_RECORDINGS_BYTES:
        raise InvalidRecord(
            f"expected at most {MAX_RECORDINGS} recordings of {MAX_RECORDINGS_BYTES} bytes together with a page, got "
            f"{len(recordings)} of {size}; shorten them, or record fewer fields"
        )
