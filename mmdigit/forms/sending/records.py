"""A page of a scanned file as the record of the topic of pages."""

from datetime import datetime

from mmdigit.consuming.publishing import Outgoing
from mmdigit.forms.pages.page import SinglePage
from schemas.page import MAX_NAME_CHARACTERS, Page, page_id
from schemas.printable import printable
from schemas.wire import encode


def record_of(
    page: SinglePage, file_name: str, file_sha256: str, created_at: datetime, tenant: str | None = None
) -> Outgoing:
    """file_name: for people. file_sha256: of the whole file. tenant: see Page.tenant."""
    record = Page(
        file_name=printable(file_name, MAX_NAME_CHARACTERS - 3),
        file_sha256=file_sha256,
        number=page.number,
        content=page.content,
        scanner=page.scanner,
        tenant=tenant,
        created_at=created_at,
    )
    return Outgoing(page_id(file_sha256, page.number).encode(), encode(record, "msgpack"))
