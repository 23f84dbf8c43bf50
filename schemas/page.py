"""Page: one scanned page of a form, as `mmdigit form send` puts it on a topic of its own."""

import hashlib
from typing import Annotated, Final

from pydantic import Field

from schemas.message import Message, VersionOne
from schemas.timestamp import Timestamp

PAGE_VERSION: Final = 1
MAX_CONTENT_BYTES = 4 * 1024 * 1024
"""In base64 (4/3) it fits a record of MAX_RECORD_BYTES, with the other fields."""
MAX_NAME_CHARACTERS = 255
MAX_SCANNER_CHARACTERS = 200
MAX_PAGE_NUMBER = 1_000_000
ID_CHARACTERS = 32
"""Hex digits of a page's id: 128 bits."""


class Page(Message):
    """One scanned page of a form, with its bytes. On the wire, JSON with base64 bytes or msgpack."""

    version: VersionOne = PAGE_VERSION
    file_name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    """Of the scanned file, for people; it is never opened."""
    file_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole file's bytes."""
    number: Annotated[int, Field(ge=1, le=MAX_PAGE_NUMBER)]
    """Of the page in its file, from 1."""
    content: Annotated[bytes, Field(min_length=1, max_length=MAX_CONTENT_BYTES)]
    """PDF, TIFF, PNG or JPEG of this page alone."""
    scanner: Annotated[str, Field(max_length=MAX_SCANNER_CHARACTERS)] = ""
    """What the file says made it; empty if it says nothing."""
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] | None = None
    """Of the gateway, whose page it is: the same file of two tenants is two pages. None for the default tenant."""
    created_at: Timestamp
    """When it was sent."""


def page_id(file_sha256: str, number: int) -> str:
    """The id of a page, and its record's key: ID_CHARACTERS hex digits, the same for the same page of the same file."""
    return hashlib.sha256(f"{file_sha256}\0{number}".encode()).hexdigest()[:ID_CHARACTERS]
