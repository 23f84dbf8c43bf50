"""Page: one scanned page of a form, as `mmdigit form send` puts it on a topic of its own."""

import hashlib
from typing import Annotated, Final

from pydantic import Field, field_validator

from schemas.message import Message, VersionOne
from schemas.timestamp import Timestamp

PAGE_VERSION: Final = 1
MAX_CONTENT_BYTES = 4 * 1024 * 1024
"""In base64 (4/3) it fits a record of MAX_RECORD_BYTES, with the other fields."""
MAX_RECORDINGS = 32
MAX_RECORDINGS_BYTES = 3 * 512 * 1024
"""Of all recordings of a page together: 98 s at 8 kHz, mono, 16 bits. With a page of MAX_CONTENT_BYTES they fit a
record in msgpack."""
WHOLE_PAGE = "*"
"""The name of the recording of all spoken fields of a page that have none of their own."""
MAX_NAME_CHARACTERS = 255
MAX_SCANNER_CHARACTERS = 200
MAX_PAGE_NUMBER = 1_000_000
ID_CHARACTERS = 32
"""Hex digits of a page's id: 128 bits."""


RECORDING_NAME = r"^(\*|[A-Za-z][A-Za-z0-9_]{0,39}(\.[1-9][0-9]{0,2}\.[A-Za-z][A-Za-z0-9_]{0,39})?)$"
RecordingName = Annotated[str, Field(pattern=RECORDING_NAME)]
"""A field's name, of a grid with its row (items.2.amount), or WHOLE_PAGE."""
Recording = Annotated[bytes, Field(max_length=MAX_RECORDINGS_BYTES)]
"""WAV, FLAC or Ogg Opus of up to a minute; empty if its sender could not decode it."""


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
    recordings: Annotated[dict[RecordingName, Recording], Field(max_length=MAX_RECORDINGS)] | None = None
    """Of its spoken fields, by name; MAX_RECORDINGS_BYTES in all."""
    created_at: Timestamp
    """When it was sent."""

    @field_validator("recordings")
    @classmethod
    def _recordings_fit(cls, recordings: dict[str, bytes] | None) -> dict[str, bytes] | None:
        size = sum(map(len, (recordings or {}).values()))
        if size > MAX_RECORDINGS_BYTES:
            raise ValueError(f"expected recordings of at most {MAX_RECORDINGS_BYTES} bytes together, got {size}")
        return recordings


def page_id(file_sha256: str, number: int) -> str:
    """The id of a page, and its record's key: ID_CHARACTERS hex digits, the same for the same page of the same file."""
    return hashlib.sha256(f"{file_sha256}\0{number}".encode()).hexdigest()[:ID_CHARACTERS]
